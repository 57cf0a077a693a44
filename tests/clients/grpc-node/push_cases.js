// Push consumers: everything comes, in order where that was promised, again where it failed, and to the dead letters in the end.
'use strict';

const { ConsumeResult } = require('rocketmq-client-nodejs');
const expect = require('../node-shared/expect');
const { message, bodies, numbered, receive } = require('./scene');

async function everythingIsPushed(scene) {
  const topic = await scene.topic('NORMAL', 4);
  const inbox = await scene.push(await scene.group(), topic);
  const producer = await scene.producer(topic);
  const sent = numbered('message', 100);
  await Promise.all(sent.map(body => producer.send(message(topic, body))));
  await expect.eventually('what came', [...sent].sort(), () => [...new Set(bodies(inbox))].sort());
}

async function messagesOfAGroupComeInOrder(scene) {
  const topic = await scene.topic('FIFO', 4);
  const inbox = await scene.push(await scene.group({ orderly: true }), topic);
  const producer = await scene.producer(topic);
  for (const body of numbered('step', 20)) {
    for (const messageGroup of ['a', 'b', 'c']) await producer.send(message(topic, body, { messageGroup }));
  }
  for (const group of ['a', 'b', 'c']) {
    // Once more at once is allowed, out of order is not.
    const steps = () => bodies(inbox.filter(it => it.messageGroup === group)).filter((body, at, all) => body !== all[at - 1]);
    await expect.eventually(`the steps of ${group}`, numbered('step', 20), steps);
  }
}

async function failedMessageComesAgain(scene) {
  const topic = await scene.topic();
  const fails = it => (it.deliveryAttempt < 3 ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS);
  const inbox = await scene.push(await scene.group(), topic, fails);
  const producer = await scene.producer(topic);
  await producer.send(message(topic, 'hard'));
  await expect.eventually('the attempts', [1, 2, 3], () => inbox.map(it => it.deliveryAttempt));
}

async function hopelessMessageGoesToTheDeadLetters(scene) {
  const topic = await scene.topic();
  const group = await scene.group({ retries: 1 });
  const inbox = await scene.push(group, topic, () => ConsumeResult.FAILURE);
  const producer = await scene.producer(topic);
  await producer.send(message(topic, 'hopeless'));
  await expect.eventually('the attempts', [1, 2], () => inbox.map(it => it.deliveryAttempt));
  const undertaker = await scene.simple(await scene.group(), `%DLQ%${group}`);
  expect.equal('the dead letters', ['hopeless'], bodies(await receive(undertaker, 1)));
}

module.exports = { everythingIsPushed, messagesOfAGroupComeInOrder, failedMessageComesAgain, hopelessMessageGoesToTheDeadLetters };
