// One client with an access key and a secret key, or without: sends messages and consumes them. Prints `served`, or `refused` and why.
'use strict';

const { Producer, Consumer, Message } = require('ali-ons');
const { setTimeout: sleep } = require('node:timers/promises');

const MESSAGES = 3;
const WAIT_MS = 60_000;
const SILENT = { info() {}, warn() {}, error() {}, debug() {} };

async function send(common, topic) {
  const producer = new Producer({ ...common, producerGroup: `producers-of-${topic}`, retryTimesWhenSendFailed: 0, sendMsgTimeout: 30_000 });
  // The client keeps the reason to itself when it would have sent to another broker.
  const kernel = producer.sendKernelImpl.bind(producer);
  let reason;
  producer.sendKernelImpl = (...all) => kernel(...all).catch(problem => { reason = problem; throw problem; });
  for (let number = 0; number < MESSAGES; number++) {
    await producer.send(new Message(topic, 'tag', `body-${number}`)).catch(problem => { throw reason ?? problem; });
  }
}

async function consume(common, topic) {
  const consumer = new Consumer({ ...common, consumerGroup: `consumers-of-${topic}`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  let problem;
  consumer.on('error', it => { problem ??= it; });
  const bodies = new Set();
  consumer.subscribe(topic, '*', async message => { bodies.add(message.body.toString()); });
  for (const deadline = Date.now() + WAIT_MS; bodies.size < MESSAGES; await sleep(50)) {
    if (Date.now() > deadline) throw problem ?? new Error(`only ${[...bodies]} came within ${WAIT_MS} ms`);
  }
}

async function main() {
  const [nameSrv, topic, accessKeyId, accessKeySecret] = process.argv.slice(2);
  const common = { nameSrv, httpclient: {}, logger: SILENT, accessKeyId, accessKeySecret };
  try {
    await send(common, topic);
    await consume(common, topic);
    console.log('served');
  } catch (problem) {
    console.log(`refused: ${problem}`.replaceAll('\n', ' '));
  }
  // The client's own timers would keep the process.
  process.exit(0);
}

main();
