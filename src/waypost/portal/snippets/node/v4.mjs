// Verifies a webhook by TrackingMore's V4 signature. It covers the time only: the standard one covers the body too.
// Express, before any express.json(): app.post('/webhook', express.raw({ type: '*/*', limit: '1mb' }), handler) puts
// the raw body into request.body. Pass request.headers as headers. Node 14 or later.

import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_SECONDS = 300;

/** Returns if the webhook is genuine and recent; throws an Error if not. */
export function verify(_body, headers, secret) {
  if (!secret) throw new Error('The secret is empty.');

  for (const name of ['timestamp', 'signature']) {
    if (!headers[name]) throw new Error(`The header ${name} is missing.`);
  }
  const { timestamp } = headers;
  if (!/^[0-9]{1,12}$/.test(timestamp)) {
    throw new Error('The timestamp is not a number of seconds.');
  }
  if (Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Error('The timestamp is more than 300 seconds off.');
  }

  const expected = Buffer.from(createHmac('sha256', secret).update(timestamp).digest('hex'));
  const signature = Buffer.from(headers.signature);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    throw new Error('The signature does not match.');
  }
}
