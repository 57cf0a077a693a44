// Does what users of the 5.x client for Node do, against servers that are already there.
'use strict';

const { parseArgs } = require('node:util');
const { runCases } = require('../node-shared/program');
const { Scene } = require('./scene');

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
  return values;
}

runCases(CASES, Scene, parseOptions());
