// Groups of consumers: they share, or each has all; and they go on where they were, after a stop of their own or of the broker.
'use strict';

const expect = require('../node-shared/expect');
const runner = require('../node-shared/runner');
const { message, bodies, numbered, comes } = require('./scene');

async function membersShareTheQueues(scene) {
  const topic = await scene.topic(4);
  const group = await scene.group();
  const members = [await scene.consumer(group, topic), await scene.consumer(group, topic)];
  const queues = member => [...member.processQueueTable.values()].filter(it => it.messageQueue.topic === topic).length;
  await expect.eventually('the queues of each', [2, 2], () => members.map(queues));
  const producer = await scene.producer();
  const sent = numbered('shared', 40);
  for (const body of sent) await producer.send(message(topic, body));
  await expect.eventually('what came', [...sent].sort(), () => members.flatMap(bodies).sort());
  expect.equal('the share of each', [20, 20], members.map(member => member.inbox.length));
}

async function everyoneHearsABroadcast(scene) {
  const topic = await scene.topic(4);
  const group = await scene.group();
  const producer = await scene.producer();
  const sent = numbered('all', 12);
  for (const body of sent.slice(0, 6)) await producer.send(message(topic, body));
  const members = [];
  for (let count = 0; count < 2; count++) members.push(await scene.consumer(group, topic, { isBroadcast: true }));
  for (const body of sent.slice(6)) await producer.send(message(topic, body));
  for (const member of members) await comes(member, sent);
}

async function groupGoesOnWhereItStopped(scene) {
  const topic = await scene.topic();
  const group = await scene.group();
  const producer = await scene.producer();
  await producer.send(message(topic, 'first'));
  const early = await scene.consumer(group, topic);
  await comes(early, ['first']);
  // What a consumer's end stores is what it has been told is done, after its handler.
  await expect.eventually('nothing left to do', true, () => [...early.processQueueTable.values()].every(it => it.processQueue.msgCount === 0));
  await early.close();
  await producer.send(message(topic, 'second'));
  await comes(await scene.consumer(group, topic), ['second']);
}

async function clientsGoOnAfterARestart(scene) {
  scene.broker = scene.options.restartable;
  const topic = await scene.topic(2);
  const consumer = await scene.consumer(await scene.group(), topic);
  const producer = await scene.producer();
  const came = body => expect.eventually(`${body} to have come`, true, () => bodies(consumer).includes(body));
  await producer.send(message(topic, 'before'));
  await came('before');
  await runner.restart(scene.broker);
  await expect.eventuallySucceeds('sending after the restart', () => producer.send(message(topic, 'after')));
  await came('after');
}

module.exports = { membersShareTheQueues, everyoneHearsABroadcast, groupGoesOnWhereItStopped, clientsGoOnAfterARestart };
