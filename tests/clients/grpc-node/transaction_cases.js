// Transactions: what is committed comes, what is rolled back does not, and the broker asks about the rest.
'use strict';

const expect = require('../node-shared/expect');
const { message, bodies } = require('./scene');

// The protocol's numbers; the client does not export their names.
const COMMIT = 1;
const ROLLBACK = 2;

async function transactionEnds(scene) {
  const topic = await scene.topic('TRANSACTION');
  const producer = await scene.producer(topic, { check: async () => ROLLBACK });
  const inbox = await scene.push(await scene.group(), topic);
  for (const [body, end] of [['rolled back', 'rollback'], ['committed', 'commit'], ['last', 'commit']]) {
    const transaction = producer.beginTransaction();
    await producer.send(message(topic, body), transaction);
    await transaction[end]();
  }
  await expect.eventually('what came', ['committed', 'last'], () => bodies(inbox).sort());
}

async function transactionIsCheckedWhenItWasLeft(scene) {
  const topic = await scene.topic('TRANSACTION');
  const asked = [];
  const producer = await scene.producer(topic, {
    async check(half) {
      asked.push(half.body.toString());
      return half.body.toString() === 'left' ? COMMIT : ROLLBACK;
    },
  });
  const inbox = await scene.push(await scene.group(), topic);
  for (const body of ['left', 'doubtful']) {
    await producer.send(message(topic, body), producer.beginTransaction());
  }
  await expect.eventually('what was asked about', ['doubtful', 'left'], () => [...new Set(asked)].sort());
  await expect.eventually('what came', ['left'], () => bodies(inbox));
}

module.exports = { transactionEnds, transactionIsCheckedWhenItWasLeft };
