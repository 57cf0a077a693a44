// What a case has: topics, groups and clients of its own, which end with it.
'use strict';

const { Producer, Consumer, Message } = require('ali-ons');
const expect = require('../node-shared/expect');
const remoting = require('../node-shared/remoting');

const SILENT = { info() {}, warn() {}, error() {}, debug() {} };

class Scene {
  #clients = [];
  #made = 0;

  constructor(name, options) {
    this.name = name;
    this.options = options;
    this.broker = options.broker;
    // Goes before the names of topics and groups, which the client hides from its user.
    this.namespace = '';
  }

  get address() {
    return this.options.brokers[this.broker];
  }

  #fresh(kind) {
    this.#made += 1;
    return `${kind}-${this.name}-${this.#made}-${this.options.run}`;
  }

  /** A name as servers know it. */
  whole(name) {
    return this.namespace ? `${this.namespace}%${name}` : name;
  }

  async topic(queues = 1) {
    const topic = this.#fresh('topic');
    await remoting.createTopic(this.address, this.whole(topic), 'NORMAL', queues);
    // The name server hears of it a moment later.
    await expect.eventuallySucceeds(`the route of ${topic}`, () => remoting.route(this.options.namesrv, this.whole(topic)));
    return topic;
  }

  /** A topic that nobody has created. */
  unknownTopic() {
    return this.#fresh('unknown');
  }

  async group() {
    const group = this.#fresh('group');
    await remoting.createGroup(this.address, this.whole(group), false, 16);
    return group;
  }

  async #start(client) {
    this.#clients.push(client);
    // Otherwise what goes wrong on the way is thrown at nobody, which ends the process.
    client.on('error', () => {});
    await client.ready();
    return client;
  }

  #common() {
    // The HTTP client is for those who have an address that tells the name servers'. Clients of one name share everything.
    return {
      nameSrv: this.options.namesrv, httpclient: {}, logger: SILENT, namespace: this.namespace, instanceName: this.#fresh('client'),
    };
  }

  producer(more = {}) {
    return this.#start(new Producer({ ...this.#common(), producerGroup: this.#fresh('producers'), sendMsgTimeout: 30_000, ...more }));
  }

  /** A consumer of all that the topic has; what it is given is in `inbox`, in order. Then `consume` has its say. */
  async consumer(group, topic, { filter = '*', consume = () => {}, ...more } = {}) {
    const options = { ...this.#common(), consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', ...more };
    const consumer = new Consumer(options);
    consumer.inbox = [];
    consumer.subscribe(topic, filter, async message => {
      // The client changes the message itself when it comes again.
      consumer.inbox.push({ ...message, text: message.body.toString(), at: Date.now() });
      return consume(message);
    });
    return this.#start(consumer);
  }

  awaitDeadLetters(group, count) {
    const topic = `%DLQ%${this.whole(group)}`;
    return expect.eventuallySucceeds(`dead letters of ${group}`, async () => {
      expect.equal('their number', count, await remoting.maxOffset(this.address, topic, 0));
    });
  }

  async close() {
    await Promise.allSettled(this.#clients.map(client => client.close()));
  }
}

function message(topic, body, { keys, properties, ...more } = {}) {
  const made = Object.assign(new Message(topic, 'tag', body), more);
  if (keys) made.keys = keys;
  Object.assign(made.properties, properties);
  return made;
}

const bodies = consumer => consumer.inbox.map(it => it.text);

const numbered = (name, count) => Array.from({ length: count }, (_, number) => `${name}-${number}`);

/** Waits for all of these bodies, in any order, and accepts no other, and none twice. */
async function comes(consumer, expected) {
  await expect.eventually('what came', [...expected].sort(), () => bodies(consumer).sort());
}

module.exports = { Scene, message, bodies, numbered, comes };
