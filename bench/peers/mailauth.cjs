// Runs mailauth (npm) on request: one JSON line in, one JSON line out.
// The first line holds the mails as base64, the key, the DNS as {"name TYPE": [...]}, and the envelope. Then either
//   {"what": ..., "times": n}     -> {"seconds": s, "right": ...}: how long it took; or
//   {"judge": ..., ...arguments}  -> {"found": ...}, or {"error": ...}: what it says of one case. On the way it asks, and is
//                                    answered: {"question": [name, type], "number": n} -> {"number": n, "answer" or "error": ...}
'use strict';

const readline = require('node:readline');
const { authenticate } = require('mailauth');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { dkimSign } = require('mailauth/lib/dkim/sign');
const { spf } = require('mailauth/lib/spf');
const { dmarc } = require('mailauth/lib/dmarc');
const { arc } = require('mailauth/lib/arc');
const { version } = require('mailauth/package.json');

let given;

const failed = (type, name, code) => Object.assign(new Error(`query${type} ${code} ${name}`), { code });

// What node's own resolver answers: TXT as lists of pieces; an error with a code where there is nothing.
const resolver = async (name, type) => {
    const found = given.dns[`${name.toLowerCase()} ${type}`];
    if (!found) {
        throw failed(type, name, 'ENOTFOUND');
    }
    return found;
};

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = said => process.stdout.write(JSON.stringify(said) + '\n');
const waiting = new Map(); // questions without an answer yet, by number
let questions = 0;

const asking = (name, type) => new Promise((resolve, reject) => {
    const number = ++questions;
    waiting.set(number, told => told.error ? reject(failed(type, name, told.error)) : resolve(told.answer));
    say({ question: [name, type], number });
});

const judges = {
    spf: asked => spf({ ...asked, resolver: asking }),
    dkim: async asked => (await dkimVerify(Buffer.from(asked.mail, 'base64'), { resolver: asking })).results,
    arc: async asked => arc((await dkimVerify(Buffer.from(asked.mail, 'base64'), { resolver: asking })).arc, { resolver: asking }),
    dmarc: asked => dmarc({ ...asked, resolver: asking })
};

const judged = async asked => {
    const verdict = judges[asked.judge](asked).then(found => ({ found }), error => ({ error: error.message }));
    let over = false;
    verdict.then(() => (over = true));
    for (;;) {
        await new Promise(setImmediate); // it goes on as far as it can without an answer
        await new Promise(setImmediate);
        if (over) {
            return verdict;
        }
        if (waiting.size) {
            const told = JSON.parse((await lines.next()).value);
            waiting.get(told.number)(told);
            waiting.delete(told.number);
        }
    }
};

const works = {
    sign: () => dkimSign(given.mails.small, {
        canonicalization: 'relaxed/relaxed',
        signatureData: [{ signingDomain: given.domain, selector: given.selector, privateKey: given.key }]
    }),
    verify: () => dkimVerify(given.mails.signed, { resolver }),
    verify_large: () => dkimVerify(given.mails.large, { resolver }),
    spf: () => spf({ ...given.envelope, mta: 'mx.example', resolver }),
    spf_addresses: () => spf({ ...given.envelope, sender: 'bounce@example.org', mta: 'mx.example', resolver }),
    authenticate: () => authenticate(given.mails.signed, { ...given.envelope, mta: 'mx.example', resolver, disableBimi: true })
};

const said = {
    sign: found => found.signatures.includes('b='),
    verify: found => found.results[0].status.result === 'pass',
    verify_large: found => found.results[0].status.result === 'pass',
    spf: found => found.status.result === 'pass',
    spf_addresses: found => found.status.result === 'pass',
    authenticate: found => found.dmarc.status.result === 'pass' && found.spf.status.result === 'pass'
};

const answer = async asked => {
    if (!given) {
        given = asked;
        for (const name of Object.keys(given.mails)) {
            given.mails[name] = Buffer.from(given.mails[name], 'base64');
        }
        return { ready: true, version };
    }
    if (asked.judge) {
        return judged(asked);
    }
    const work = works[asked.what];
    const began = process.hrtime.bigint();
    let found;
    for (let n = 0; n < asked.times; n++) {
        found = await work();
    }
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    return { seconds, right: said[asked.what](found) };
};

(async () => {
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
        const asked = JSON.parse(line.value);
        if (!waiting.delete(asked.number)) { // else an answer that the verdict did not wait for
            say(await answer(asked));
        }
    }
})();
