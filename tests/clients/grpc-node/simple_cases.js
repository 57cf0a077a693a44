// Simple consumers: receive, acknowledge, change the invisible time, and have again what was not acknowledged.
'use strict';

const expect = require('../node-shared/expect');
const { FilterType } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');
const { FilterExpression } = require('rocketmq-client-nodejs');
const { message, bodies, numbered, receive } = require('./scene');

async function acknowledgedMessagesDoNotComeAgain(scene) {
  const topic = await scene.topic();
  const producer = await scene.producer(topic);
  const consumer = await scene.simple(await scene.group(), topic);
  await Promise.all(['done', 'left'].map(body => producer.send(message(topic, body))));
  const first = await receive(consumer, 2, 10_000);
  await consumer.ack(first.find(it => it.body.toString() === 'done'));
  const [again] = await receive(consumer, 1, 10_000);
  expect.equal('what came again', 'left', again.body.toString());
  expect.equal('how often it came', 2, again.deliveryAttempt);
  await consumer.ack(again);
}

async function invisibleTimeIsChanged(scene) {
  const topic = await scene.topic();
  const producer = await scene.producer(topic);
  const consumer = await scene.simple(await scene.group(), topic);
  await producer.send(message(topic, 'soon'));
  const [first] = await receive(consumer, 1, 600_000);
  const old = first.receiptHandle;
  // Ten minutes become ten seconds.
  await consumer.changeInvisibleDuration(first, 10_000);
  expect.equal('the same handle', false, first.receiptHandle === old);
  const [again] = await receive(consumer, 1, 30_000);
  expect.equal('what came again', 'soon', again.body.toString());
}

async function filters(scene) {
  const topic = await scene.topic();
  const producer = await scene.producer(topic);
  const bySql = new FilterExpression("size > 3 AND colour = 'blue'", FilterType.SQL);
  const tagged = await scene.simple(await scene.group(), topic, 'red || green');
  const chosen = await scene.simple(await scene.group(), topic, bySql);
  for (const [number, body] of numbered('message', 6).entries()) {
    const properties = new Map([['size', String(number)], ['colour', number % 2 ? 'blue' : 'red']]);
    await producer.send(message(topic, body, { tag: ['red', 'green', 'white'][number % 3], properties }));
  }
  expect.equal('by tags', [0, 1, 3, 4].map(number => `message-${number}`), bodies(await receive(tagged, 4)).sort());
  expect.equal('by SQL', ['message-5'], bodies(await receive(chosen, 1)));
}

module.exports = { acknowledgedMessagesDoNotComeAgain, invisibleTimeIsChanged, filters };
