// Consumers that messages come to: the ones that they want, and again those that failed.
'use strict';

const { Consumer } = require('ali-ons');
const expect = require('../node-shared/expect');
const { message, bodies, comes } = require('./scene');

async function tagsAreFiltered(scene) {
  const topic = await scene.topic();
  // "Aa" and "BB" have the same hash, which is all that the broker compares.
  const consumer = await scene.consumer(await scene.group(), topic, { filter: 'red || Aa' });
  const producer = await scene.producer();
  for (const tags of ['red', 'green', 'BB', 'Aa', 'redder', 'red']) await producer.send(message(topic, tags, { tags }));
  await expect.eventually('what came', ['red', 'Aa', 'red'], () => bodies(consumer));
}

async function sqlFilters(scene) {
  const topic = await scene.topic();
  const filter = { expressionType: 'SQL92', subString: "size > 3 AND colour = 'blue'" };
  const consumer = await scene.consumer(await scene.group(), topic, { filter });
  const producer = await scene.producer();
  for (const size of [3, 4, 5, 6]) {
    await producer.send(message(topic, `size-${size}`, { properties: { size, colour: size % 2 ? 'red' : 'blue' } }));
  }
  await expect.eventually('what came', ['size-4', 'size-6'], () => bodies(consumer));
}

/** By an exception and by a result, which the client heeds the first time only. */
async function failedMessageComesAgain(scene) {
  const topic = await scene.topic();
  const consume = it => {
    if (it.reconsumeTimes === 0) return Consumer.ACTION_RETRY;
    if (it.reconsumeTimes === 1) throw new Error('once more');
  };
  const consumer = await scene.consumer(await scene.group(), topic, { consume });
  const producer = await scene.producer();
  const { msgId } = await producer.send(message(topic, 'hard', { tags: 'red', keys: ['k'], properties: { colour: 'blue' } }));
  await expect.eventually('the attempts', [0, 1, 2], () => consumer.inbox.map(it => it.reconsumeTimes));
  for (const again of consumer.inbox.slice(1)) {
    const { TAGS, KEYS, colour, ORIGIN_MESSAGE_ID } = again.properties;
    const seen = [again.text, again.topic, TAGS, KEYS, colour, ORIGIN_MESSAGE_ID];
    expect.equal('what came again', ['hard', topic, 'red', 'k', 'blue', msgId], seen);
  }
}

async function hopelessMessageGoesToTheDeadLetters(scene) {
  const topic = await scene.topic();
  const group = await scene.group();
  const consume = () => { throw new Error('hopeless'); };
  const consumer = await scene.consumer(group, topic, { consume, maxReconsumeTimes: 1 });
  const producer = await scene.producer();
  await producer.send(message(topic, 'hopeless'));
  await scene.awaitDeadLetters(group, 1);
  expect.equal('the attempts', [0, 1], consumer.inbox.map(it => it.reconsumeTimes));
  const undertaker = await scene.consumer(await scene.group(), `%DLQ%${group}`);
  await comes(undertaker, ['hopeless']);
}

/** The client puts the name of an instance before those of topics and groups, retries included. */
async function namespace(scene) {
  scene.namespace = 'MQ_INST_ali';
  const topic = await scene.topic();
  const group = await scene.group();
  const consume = it => (it.reconsumeTimes === 0 ? Consumer.ACTION_RETRY : undefined);
  const consumer = await scene.consumer(group, topic, { consume });
  const producer = await scene.producer();
  await producer.send(message(topic, 'theirs'));
  await expect.eventually('the attempts', [0, 1], () => consumer.inbox.map(it => it.reconsumeTimes));
  scene.namespace = '';
  await comes(await scene.consumer(await scene.group(), `MQ_INST_ali%${topic}`), ['theirs']);
}

module.exports = { tagsAreFiltered, sqlFilters, failedMessageComesAgain, hopelessMessageGoesToTheDeadLetters, namespace };
