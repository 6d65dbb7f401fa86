// The driver of the Node snippets: node driver.mjs <snippet>

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { verify } = await import(pathToFileURL(process.argv[2]));

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  try {
    verify(Buffer.from(given.body_base64, 'base64'), given.headers, given.key);
    console.log('ok');
  } catch (error) {
    if (error.constructor !== Error) throw error;
    console.log(`refused: ${error.message}`);
  }
}
