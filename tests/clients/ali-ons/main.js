// Does what users of Alibaba Cloud's client for Node do, against servers that are already there.
'use strict';

const { parseArgs } = require('node:util');
const { runCases } = require('../node-shared/program');
const { Scene } = require('./scene');

const CASES = {
  ...require('./send_cases'),
  ...require('./push_cases'),
  ...require('./group_cases'),
};

function parseOptions() {
  const text = { type: 'string' };
  const options = { namesrv: text, brokers: text, broker: text, restartable: text, work: text, only: text };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (positionals[0] !== 'cases' || !values.namesrv || !values.brokers || !values.broker) {
    console.error('usage: main.js cases --namesrv ADDR --brokers NAME=ADDR,... --broker NAME [--restartable NAME] [--only TEXT,...]');
    process.exit(2);
  }
  values.brokers = Object.fromEntries(values.brokers.split(',').map(broker => broker.split('=')));
  return values;
}

runCases(CASES, Scene, parseOptions());
