package main

import (
	"bytes"
	"math/rand/v2"
	"strings"

	"bolide.tests/clients/go-shared/expect"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const limitBytes = 4 * 1024 * 1024

// What messages carry: bodies up to the limit and beyond, compressed bodies, keys and properties in any script.
func bodyCases() []testCase {
	return []testCase{
		{name: "body-at-the-limit", body: bodyAtLimit},
		{name: "body-above-the-limit", body: bodyAboveLimit},
		{name: "body-compressed", body: bodyCompressed},
		{name: "properties-in-utf8", body: propertiesInUTF8},
	}
}

func randomBody(length int) []byte {
	seed := [32]byte{byte(length)}
	body := make([]byte, length)
	_, _ = rand.NewChaCha8(seed).Read(body)
	return body
}

func sendLarge(s *scene, message *primitive.Message) (*primitive.SendResult, error) {
	ctx, cancel := deadline()
	defer cancel()
	return s.newProducer(producer.WithCompressMsgBodyOverHowmuch(16*limitBytes), producer.WithRetry(0)).SendSync(ctx, message)
}

func bodyAtLimit(s *scene) {
	topic := s.topic(1)
	body := randomBody(limitBytes)
	result, err := sendLarge(s, primitive.NewMessage(topic, body))
	expect.Succeeds("the send", err)
	stored := s.stored(s.pull(s.group(), topic, "*"), result)
	expect.Holds("the body to come back unchanged", bytes.Equal(body, stored.Body), len(stored.Body))
}

// bodyAboveLimit: this client has no limit of its own, so that it is the broker that refuses.
func bodyAboveLimit(s *scene) {
	topic := s.topic(1)
	_, err := sendLarge(s, primitive.NewMessage(topic, randomBody(limitBytes+1)))
	refusal := expect.Refused("a body above the broker's limit", err)
	expect.Holds("the broker's code 13", strings.Contains(refusal.Error(), "13"), refusal)
	expect.Equal("the first offset", int64(0), s.send(topic, "fits")["fits"].QueueOffset)
}

func bodyCompressed(s *scene) {
	topic := s.topic(1)
	body := strings.Repeat("compressible ", 20_000)
	result := s.send(topic, body)[body]
	stored := s.stored(s.pull(s.group(), topic, "*"), result)
	expect.Holds("the body to come back unchanged", string(stored.Body) == body, len(stored.Body))
	expect.Holds("less than a tenth of the size in the store", int(stored.StoreSize) < len(body)/10, stored.StoreSize)
}

// propertiesInUTF8 has a plain tag: this client computes the hash of any other differently from all others, so that no
// queue of any broker would match it.
func propertiesInUTF8(s *scene) {
	topic := s.topic(1)
	message := newMessage(topic, "Grüße, 世界 🚀").WithTag("tag").WithKeys([]string{"ключ-ß-鍵-🔑"})
	message.WithProperty("имя", "значение \"quoted\" \\ and 🎉")
	message.Flag = 7
	_, err := s.trySend(message)
	expect.Succeeds("the send", err)
	_, inbox := s.push(s.group(), topic, "tag")
	inbox.AwaitExactly([]string{"Grüße, 世界 🚀"})
	seen := inbox.Snapshot()[0].message
	expect.Equal("the tag", "tag", seen.GetTags())
	expect.Equal("the key", "ключ-ß-鍵-🔑", strings.TrimSpace(seen.GetKeys()))
	expect.Equal("the property", "значение \"quoted\" \\ and 🎉", seen.GetProperty("имя"))
	expect.Equal("the flag", int32(7), seen.Flag)
}
