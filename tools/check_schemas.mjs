#!/usr/bin/env node
// Grammars made of JSON Schemas against an independent validator (ajv).
//   ninja -C build/release autoglm
//   c++ -std=c++20 -O2 -Isrc -Iinclude -I. tools/schema_samples.cc apps/autoglm/tokenizer_source.cc \
//     -Wl,--start-group build/release/src/*.a -Wl,--end-group -lpthread -o build/schema_samples
//   (mkdir -p build/ajv && cd build/ajv && npm init -y && npm install ajv@8 ajv-formats@3 json-schema-faker@0.5)
//   tools/check_schemas.mjs sound MODEL|random:TOKENIZER N     N texts of each schema are valid
//   tools/check_schemas.mjs complete N                         N valid instances of each schema are
//                                                              accepted, invalid ones refused
// Exit status 0: as it should be.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(root, 'build/ajv/'));
const Ajv = require('ajv/dist/2020').default;
const addFormats = require('ajv-formats').default;
const schemasFile = join(root, 'tests/data/grammar/schemas.json');
const schemas = JSON.parse(readFileSync(schemasFile));

// Draft 7 spells nothing otherwise that is used here ("definitions" is an unknown word to 2020-12).
const ajv = new Ajv({ strict: false, allErrors: false });
addFormats(ajv);
const validators = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]));

let seed = 1;
const random = (n) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 2 ** 32 * n);
};

function sound(model, n) {
  const out = execFileSync(join(root, 'build/schema_samples'), [model, schemasFile, n],
    { maxBuffer: 1 << 30, encoding: 'utf8' });
  const count = { texts: 0, finished: 0, valid: 0 };
  const wrong = [];
  for (const line of out.trim().split('\n')) {
    const { schema, text, finished } = JSON.parse(line);
    ++count.texts;
    if (!finished) continue;
    ++count.finished;
    let value;
    try {
      value = JSON.parse(text);
    } catch (error) {
      wrong.push(`${schema}: ${text}: ${error.message}`);
      continue;
    }
    if (validators[schema](value)) ++count.valid;
    else wrong.push(`${schema}: ${text}: ${ajv.errorsText(validators[schema].errors)}`);
  }
  for (const line of wrong.slice(0, 20)) console.log(line);
  console.log(`${Object.keys(schemas).length} schemas, ${count.texts} texts, ` +
    `${count.finished} came to an end, ${count.valid} of them are valid`);
  return wrong.length === 0 && count.finished > count.texts / 2;
}

// Instances of schemas for which the generator finds none.
const byHand = {
  any: [null, { a: [1, { b: 'x' }], c: -0.5e-3 }, [[], {}]], 'integer exclusive': [10, 99, 100],
  probability: [0.5, 0.001, 0.999999], 'pattern escapes': ['ab1 x\u00e9.a\\', 'z\tq.b\\'],
  'array empty': [[]], tuple: [['abcd', 1], ['', -3, true]], 'tuple and rest': [[true], [false, null, null]],
  'map bounds': [{ a: true }, { a: true, b: false, c: true }], 'pointer escapes': [[true], [false, true]],
};

// Properties in the order of the schema, others behind them: the order that a grammar asks for.
function ordered(schema, value) {
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
  if (!schema.properties || !isObject) return value;
  const names = [...Object.keys(schema.properties), ...Object.keys(value)];
  return Object.fromEntries(names.filter((name) => name in value).map((name) => [name, value[name]]));
}

// JSON with white space where it is permitted.
function spaced(value) {
  const space = () => ['', '', ' ', '\n', '\t', '\r\n', '    '][random(7)];
  const list = (open, parts, close) =>
    open + space() + parts.join(`${space()},${space()}`) + space() + close;
  if (Array.isArray(value)) return list('[', value.map(spaced), ']');
  if (value !== null && typeof value === 'object') {
    return list('{', Object.entries(value).map(
      ([key, v]) => `${JSON.stringify(key)}${space()}:${space()}${spaced(v)}`), '}');
  }
  return JSON.stringify(value);
}

// Something near `value` that is often no longer valid.
function mutated(value) {
  const others = [null, true, 7, -1, 3.5, 1e9, '', 'q', 'mutated text!', [], {}, [1, 'x'], { zz: 1 }];
  const other = () => others[random(others.length)];
  if (value === null || typeof value !== 'object' || random(4) === 0) {
    if (typeof value === 'string' && random(2)) return value.slice(1) + '?';
    if (typeof value === 'number' && random(2)) return value * 1000 + 1;
    return other();
  }
  const copy = structuredClone(value);
  const keys = Object.keys(copy);
  if (keys.length === 0) return Array.isArray(copy) ? [other()] : { extra: other() };
  const key = keys[random(keys.length)];
  const what = random(4);
  if (what === 0 && Array.isArray(copy)) copy.splice(Number(key), 1);
  else if (what === 0) delete copy[key];
  else if (what === 1 && Array.isArray(copy)) copy.push(other());
  else if (what === 1) copy.extra = other();
  else copy[key] = mutated(copy[key]);
  return copy;
}

function accepted(schema, texts) {
  const folder = mkdtempSync(join(tmpdir(), 'schemas-'));
  const schemaFile = join(folder, 'schema.json');
  writeFileSync(schemaFile, JSON.stringify(schema));
  const files = texts.map((text, i) => {
    const file = join(folder, `${i}.json`);
    writeFileSync(file, text);
    return file;
  });
  let out;
  try {
    out = execFileSync(join(root, 'build/release/apps/autoglm/autoglm'),
      ['grammar', 'check', '--json-schema', schemaFile, '--json', ...files],
      { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    out = error.stdout;
  }
  return JSON.parse(out).files.map((file) => file.valid);
}

function complete(n) {
  const jsf = require('json-schema-faker').default ?? require('json-schema-faker');
  jsf.option({ alwaysFakeOptionals: false, optionalsProbability: 0.5, maxItems: 4,
    random: () => random(1 << 30) / (1 << 30), failOnInvalidTypes: false, failOnInvalidFormat: false,
    fillProperties: false, useDefaultValue: false });
  const count = { valid: 0, accepted: 0, invalid: 0, refused: 0 };
  const wrong = [];
  const without = [];
  for (const [name, schema] of Object.entries(schemas)) {
    const validate = validators[name];
    const valid = [...(byHand[name] ?? [])], invalid = [];
    if (!valid.every((value) => validate(value))) throw new Error(`${name}: a wrong instance`);
    for (let i = 0; i < 40 * n && valid.length < n; ++i) {
      let value;
      try {
        value = jsf.generate(structuredClone(schema));
      } catch {
        break;
      }
      if (validate(value)) valid.push(ordered(schema, value));
    }
    if (valid.length === 0) without.push(name);
    for (const value of valid) {
      const other = mutated(value);
      if (!validate(other)) invalid.push(ordered(schema, other));
    }
    const texts = [...valid.map(spaced), ...invalid.map(spaced)];
    if (texts.length === 0) continue;
    accepted(schema, texts).forEach((is_accepted, i) => {
      const is_valid = i < valid.length;
      ++count[is_valid ? 'valid' : 'invalid'];
      if (is_accepted === is_valid) ++count[is_valid ? 'accepted' : 'refused'];
      else wrong.push(`${name}: ${is_valid ? 'valid, but refused' : 'invalid, but accepted'}: ${texts[i]}`);
    });
  }
  for (const line of wrong.slice(0, 40)) console.log(line);
  if (without.length > 0) console.log(`no instance generated for: ${without.join(', ')}`);
  console.log(`${count.valid} valid instances, ${count.accepted} accepted; ` +
    `${count.invalid} invalid ones, ${count.refused} refused`);
  return wrong.length === 0;
}

const [mode, ...args] = process.argv.slice(2);
const good = mode === 'sound' ? sound(args[0], args[1] ?? '10')
  : mode === 'complete' ? complete(Number(args[0] ?? 20)) : null;
if (good === null) console.error('usage: check_schemas.mjs sound MODEL N | complete N');
process.exit(good ? 0 : good === null ? 2 : 1);
