// Does what users of the 5.x client for Node do, against servers that are already there, and prints one line for each case:
// `ok NAME`, `FAIL NAME: expected …, saw …`. Cases run side by side; each has topics and groups of its own.
'use strict';

const { parseArgs } = require('node:util');
const runner = require('./runner');
const { Scene } = require('./scene');

// Far above what a case takes on a busy machine, so that one that hangs is named.
const CASE_LIMIT_MS = 180_000;

const CASES = {
  ...require('./send_cases'),
  ...require('./transaction_cases'),
  ...require('./simple_cases'),
  ...require('./push_cases'),
  ...require('./restart_cases'),
};

function parseOptions() {
  const text = { type: 'string' };
  const options = { namesrv: text, brokers: text, broker: text, restartable: text, work: text, pair: text, durable: text, lite: text, only: text };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (positionals[0] !== 'cases' || !values.brokers || !values.broker) {
    console.error('usage: main.js cases --brokers NAME=REMOTING_ADDR/GRPC_ADDR,... --broker NAME [--restartable NAME] [--only TEXT,...]');
    process.exit(2);
  }
  const places = values.brokers.split(',').map(broker => broker.split('='));
  values.brokers = Object.fromEntries(places.map(([name, place]) => {
    const [remoting, grpc] = place.split('/');
    return [name, { remoting, grpc }];
  }));
  // Makes the names of this run's topics and groups unique.
  values.run = `${Date.now().toString(36)}${process.pid.toString(36)}`;
  return values;
}

function limited(work) {
  let timer;
  const limit = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`the case did not end within ${CASE_LIMIT_MS} ms`)), CASE_LIMIT_MS);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

async function runCase(name, body, options) {
  const begun = Date.now();
  const scene = new Scene(name, options);
  try {
    await limited(body(scene));
    runner.say(`ok ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    return true;
  } catch (problem) {
    runner.say(`FAIL ${name}: ${String(problem.stack ?? problem).replaceAll('\n', ' ')}`);
    return false;
  } finally {
    await scene.close();
  }
}

async function main() {
  const options = parseOptions();
  const wanted = options.only?.split(',') ?? [''];
  const named = Object.entries(CASES).map(([name, body]) => [name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`), body]);
  const chosen = named.filter(([name]) => wanted.some(text => name.includes(text)));
  const passed = await Promise.all(chosen.map(([name, body]) => runCase(name, body, options)));
  // The client's own timers would keep the process.
  process.exit(passed.every(Boolean) ? 0 : 1);
}

main();
