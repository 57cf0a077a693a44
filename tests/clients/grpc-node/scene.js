// What a case has: topics, groups and clients of its own, which end with it.
'use strict';

const { Producer, PushConsumer, SimpleConsumer, ConsumeResult } = require('rocketmq-client-nodejs');
const expect = require('../node-shared/expect');
const remoting = require('../node-shared/remoting');

const SILENT = { info() {}, warn() {}, error() {}, debug() {}, close() {} };

class Scene {
  #clients = [];
  #made = 0;

  constructor(name, options) {
    this.name = name;
    this.options = options;
    this.broker = options.broker;
  }

  get place() {
    return this.options.brokers[this.broker];
  }

  #fresh(kind) {
    this.#made += 1;
    return `${kind}-${this.name}-${this.#made}-${this.options.run}`;
  }

  async topic(type = 'NORMAL', queues = 1) {
    const topic = this.#fresh('topic');
    await remoting.createTopic(this.place.remoting, topic, type, queues);
    return topic;
  }

  async group({ orderly = false, retries = 16 } = {}) {
    const group = this.#fresh('group');
    await remoting.createGroup(this.place.remoting, group, orderly, retries);
    return group;
  }

  async #start(client) {
    this.#clients.push(client);
    // A new topic reaches the broker's route a moment after it is there.
    await expect.eventuallySucceeds('starting a client', () => client.startup());
    return client;
  }

  #common() {
    return { endpoints: this.place.grpc, namespace: '', logger: SILENT };
  }

  producer(topic, checker) {
    return this.#start(new Producer({ ...this.#common(), topics: [topic], checker }));
  }

  simple(group, topic, filter = '*') {
    const subscriptions = new Map([[topic, filter]]);
    return this.#start(new SimpleConsumer({ ...this.#common(), consumerGroup: group, subscriptions, awaitDuration: 3000 }));
  }

  /** A push consumer; answers the messages that it was given, in their order. */
  async push(group, topic, consume = () => ConsumeResult.SUCCESS, filter = '*') {
    const inbox = [];
    const messageListener = {
      async consume(message) {
        inbox.push(message);
        return consume(message);
      },
    };
    const subscriptions = new Map([[topic, filter]]);
    await this.#start(new PushConsumer({ ...this.#common(), consumerGroup: group, subscriptions, messageListener }));
    return inbox;
  }

  async close() {
    await Promise.allSettled(this.#clients.map(client => client.shutdown()));
  }
}

const message = (topic, body, more = {}) => ({ topic, body: Buffer.from(body), ...more });

const bodies = messages => messages.map(it => it.body.toString());

const numbered = (name, count) => Array.from({ length: count }, (_, number) => `${name}-${number}`);

/** Receives until there are so many, without acknowledging them. */
async function receive(consumer, count, invisibleMs = 60_000) {
  const all = [];
  await expect.eventually('how many were received', count, async () => {
    all.push(...await consumer.receive(32, invisibleMs));
    return all.length;
  });
  return all;
}

module.exports = { Scene, message, bodies, numbered, receive };
