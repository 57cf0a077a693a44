// Sending: what comes out is what went in, whenever it was to come.
'use strict';

const expect = require('../node-shared/expect');
const { message, bodies, numbered, receive } = require('./scene');

async function normalMessage(scene) {
  const topic = await scene.topic();
  const producer = await scene.producer(topic);
  const consumer = await scene.simple(await scene.group(), topic);
  const properties = new Map([['colour', 'blue'], ['größe', '7 µm']]);
  const receipt = await producer.send(message(topic, 'whole 😄', { tag: 'red', keys: ['k1', 'k2'], properties }));
  const [seen] = await receive(consumer, 1);
  expect.equal('the id', receipt.messageId, seen.messageId);
  expect.equal('the body', 'whole 😄', seen.body.toString());
  expect.equal('tag and keys', ['red', ['k1', 'k2']], [seen.tag, seen.keys]);
  expect.equal('the properties', [...properties], [...seen.properties]);
  expect.equal('the topic and its digest', [topic, false], [seen.topic, Boolean(seen.corrupted)]);
}

async function manyMessagesAtOnce(scene) {
  const topic = await scene.topic('NORMAL', 4);
  const producer = await scene.producer(topic);
  const consumer = await scene.simple(await scene.group(), topic);
  const sent = numbered('message', 200);
  const receipts = await Promise.all(sent.map(body => producer.send(message(topic, body.padEnd(3000, '.')))));
  expect.equal('different ids', 200, new Set(receipts.map(receipt => receipt.messageId)).size);
  const seen = await receive(consumer, 200);
  expect.equal('the bodies', [...sent].sort(), bodies(seen).map(body => body.replace(/\.+$/, '')).sort());
  expect.equal('corrupted ones', [], seen.filter(it => it.corrupted));
}

async function delayedMessage(scene) {
  const topic = await scene.topic('DELAY');
  const producer = await scene.producer(topic);
  const inbox = await scene.push(await scene.group(), topic);
  const dueMs = Date.now() + 3000;
  await producer.send(message(topic, 'later', { deliveryTimestamp: new Date(dueMs) }));
  await expect.eventually('what came', ['later'], () => bodies(inbox));
  expect.equal('to come before its time', false, Date.now() < dueMs);
}

async function recalledMessage(scene) {
  const topic = await scene.topic('DELAY');
  const producer = await scene.producer(topic);
  const inbox = await scene.push(await scene.group(), topic);
  const { messageId, recallHandle } = await producer.send(message(topic, 'recalled', { delay: 4000 }));
  const recalled = await producer.recallMessage(topic, recallHandle);
  expect.equal('the id of what was recalled', messageId, recalled.messageId);
  await producer.send(message(topic, 'kept', { delay: 6000 }));
  await expect.eventually('what came, all that is due by then', ['kept'], () => bodies(inbox));
}

async function unknownTopic(scene) {
  const producer = await scene.producer(await scene.topic());
  await expect.refused('sending to a topic that nobody has created', 40402, () => producer.send(message(`no-${scene.options.run}`, 'x')));
}

async function wrongType(scene) {
  const topic = await scene.topic('FIFO');
  const producer = await scene.producer(topic);
  // The client itself knows the topic's type from the route.
  const seen = await producer.send(message(topic, 'x')).then(() => 'success', problem => String(problem));
  expect.equal('a normal message to a FIFO topic', false, seen === 'success');
}

module.exports = { normalMessage, manyMessagesAtOnce, delayedMessage, recalledMessage, unknownTopic, wrongType };
