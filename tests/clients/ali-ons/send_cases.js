// Sending: what comes out is what went in, and when it was to come.
'use strict';

const expect = require('../node-shared/expect');
const { message, bodies, numbered, comes } = require('./scene');

async function everythingOfAMessageArrives(scene) {
  const topic = await scene.topic();
  const consumer = await scene.consumer(await scene.group(), topic);
  const producer = await scene.producer();
  const properties = { colour: 'blue', größe: '7 µm' };
  const result = await producer.send(message(topic, 'whole 😄', { tags: 'red', keys: ['k1', 'k2'], properties }));
  await comes(consumer, ['whole 😄']);
  const [seen] = consumer.inbox;
  expect.equal('the result', ['SEND_OK', '0', 0], [result.sendStatus, result.messageQueue.queueId, result.queueOffset]);
  expect.equal('the id', result.msgId, seen.msgId);
  const { TAGS, KEYS, colour, größe } = seen.properties;
  expect.equal('tag, keys and properties', ['red', 'k1 k2', 'blue', '7 µm'], [TAGS, KEYS, colour, größe]);
  expect.equal('topic and attempt', [topic, 0], [seen.topic, seen.reconsumeTimes]);
}

async function manyMessagesAtOnce(scene) {
  const topic = await scene.topic(4);
  const consumer = await scene.consumer(await scene.group(), topic, { parallelConsumeLimit: 8 });
  const producer = await scene.producer();
  const sent = numbered('message', 50);
  const results = await Promise.all(sent.map(body => producer.send(message(topic, body))));
  expect.equal('different ids', 50, new Set(results.map(result => result.msgId)).size);
  await comes(consumer, sent);
}

/** The client compresses from 4 KiB on, and receives no more than 1 MiB at once. */
async function compressedAndLargeBodies(scene) {
  const topic = await scene.topic();
  const consumer = await scene.consumer(await scene.group(), topic);
  const producer = await scene.producer();
  const plain = await scene.producer({ compressMsgBodyOverHowmuch: Infinity });
  const sent = ['ж'.repeat(2_000), 'wide '.repeat(20_000), 'long '.repeat(100_000)];
  for (const body of sent) await producer.send(message(topic, body));
  await plain.send(message(topic, sent[2]));
  await expect.eventually('the bodies', [...sent, sent[2]].map(body => body.length), () => bodies(consumer).map(body => body.length));
  expect.equal('each to be as it was', true, bodies(consumer).every((body, at) => body === (sent[at] ?? sent[2])));
  // 1 is the flag of a compressed body.
  expect.equal('what was compressed', [0, 1, 1, 0], consumer.inbox.map(it => it.sysFlag & 1));
}

// The client takes the first queue for none.
const KEYS = ['a', 'b', 'e'];

async function oneShardingKeyIsOneOrder(scene) {
  const topic = await scene.topic(4);
  const consumer = await scene.consumer(await scene.group(), topic);
  const producer = await scene.producer();
  for (const body of numbered('step', 20)) {
    for (const shardingKey of KEYS) await producer.send(message(topic, body, { shardingKey }));
  }
  for (const key of KEYS) {
    const of = () => consumer.inbox.filter(it => it.properties.__SHARDING_KEY === key);
    await expect.eventually(`the steps of ${key}`, numbered('step', 20), () => of().map(it => it.text));
    expect.equal(`the queues of ${key}`, 1, new Set(of().map(it => it.queueId)).size);
  }
}

async function delayLevel(scene) {
  const topic = await scene.topic();
  const consumer = await scene.consumer(await scene.group(), topic);
  const producer = await scene.producer();
  const sent = Date.now();
  // Two levels: one second and five.
  for (const delayTimeLevel of [2, 1]) await producer.send(message(topic, `level-${delayTimeLevel}`, { delayTimeLevel }));
  await expect.eventually('what came', ['level-1', 'level-2'], () => bodies(consumer));
  consumer.inbox.forEach((it, at) => expect.equal(`${it.text} before its time`, false, it.at - sent < [1000, 5000][at]));
}

async function startDeliverTime(scene) {
  const topic = await scene.topic();
  const consumer = await scene.consumer(await scene.group(), topic);
  const producer = await scene.producer();
  const dueMs = Date.now() + 3000;
  const later = message(topic, 'later');
  later.setStartDeliverTime(dueMs);
  await producer.send(later);
  await producer.send(message(topic, 'now'));
  await expect.eventually('what came', ['now', 'later'], () => bodies(consumer));
  expect.equal('to come before its time', false, consumer.inbox[1].at < dueMs);
}

/** The client does not ask for the template of new topics when the name server says that there is no topic. */
async function unknownTopic(scene) {
  const producer = await scene.producer();
  await expect.refused('sending to a topic that nobody has created', 17, () => producer.send(message(scene.unknownTopic(), 'x')));
}

module.exports = {
  everythingOfAMessageArrives, manyMessagesAtOnce, compressedAndLargeBodies, oneShardingKeyIsOneOrder, delayLevel, startDeliverTime,
  unknownTopic,
};
