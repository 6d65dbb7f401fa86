// Verifies a webhook by TrackingMore's V3 signature. It covers the time only: the standard one covers the body too.
// Express, before any express.json(): app.post('/webhook', express.raw({ type: '*/*', limit: '1mb' }), handler) puts
// the raw body into request.body. V3 signs inside the body; headers is not used. Node 14 or later.

import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_SECONDS = 300;

/** Returns if the webhook is genuine and recent; throws an Error if not. The key is the account's e-mail address. */
export function verify(body, _headers, email) {
  if (!email) throw new Error('The e-mail address is empty.');

  let fields;
  try {
    fields = JSON.parse(body.toString()).verify;
  } catch {
    fields = undefined;
  }
  if (!['number', 'string'].includes(typeof fields?.timestamp) || typeof fields.signature !== 'string') {
    throw new Error('The body is not JSON with verify.timestamp and verify.signature.');
  }
  const timestamp = String(fields.timestamp);
  if (!/^[0-9]{1,12}$/.test(timestamp)) {
    throw new Error('The timestamp is not a number of seconds.');
  }
  if (Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Error('The timestamp is more than 300 seconds off.');
  }

  const expected = Buffer.from(createHmac('sha256', email).update(timestamp).digest('hex'));
  const signature = Buffer.from(fields.signature);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    throw new Error('The signature does not match.');
  }
}
