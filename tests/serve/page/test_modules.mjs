// The page's modules that need no page, called in the browser as the page calls them.

import assert from 'node:assert/strict';
import {withPage} from './browser.mjs';

const inPage = (url, run, argument) => withPage(url, {}, async page => run(page, argument));

export const tests = {
  'events are read however the bytes are cut'({url}) {
    return inPage(url, async page => {
      const read = (text, size) => page.evaluate(async ([whole, step]) => {
        const {events} = await import('/sse.js');
        const bytes = new TextEncoder().encode(whole);
        const body = new ReadableStream({start(controller) {
          for (let at = 0; at < bytes.length; at += step) controller.enqueue(bytes.slice(at, at + step));
          controller.close();
        }});
        const result = [];
        for await (const data of events(body)) result.push(data);
        return result;
      }, [text, size]);
      const text = ': ping\n\ndata: {"a":"é🌧"}\r\n\r\nevent: x\ndata:one\ndata:  two\n\n: ping\n\ndata: [DONE]\n\ndata: unfinished';
      for (const size of [1, 2, 3, 7, 1000]) assert.deepEqual(await read(text, size), ['{"a":"é🌧"}', 'one\n two', '[DONE]']);
    });
  },

  'strengths become the field steering'({url}) {
    return inPage(url, async page => {
      const result = await page.evaluate(async () => {
        const {describe, parseMultiples, planAnswers, steeringOf} = await import('/steering.js');
        const control = (name, strength, layers = '', on = true) => ({name, on, strength, layers});
        const two = [control('a', 0.1), control('b', -2, '8-12'), control('c', 5, '', false)];
        return {
          tripled: steeringOf(two, 3),
          none: [steeringOf([control('a', 0)]), steeringOf([control('a', 1, '', false)])],
          words: describe(steeringOf(two)),
          plan: planAnswers(two, {kind: 'strengths', multiples: [0, 1, 2]}),
          multiples: ['0, 0.5;1 -2', 'a', '', Array(17).fill(1).join()].map(parseMultiples),
        };
      });
      assert.deepEqual(result.tripled, {vectors: [{name: 'a', scale: 0.3}, {name: 'b', scale: -6, layers: '8-12'}]});
      assert.deepEqual(result.none, [null, null]);
      assert.equal(result.words, 'a 0.1 + b −2, layers 8-12');
      assert.deepEqual(result.plan.answers.map(({label, steering}) => [label, steering?.vectors[0].scale ?? null]), [['Unsteered', null], ['× 1', 0.1], ['× 2', 0.2]]);
      assert.equal(result.plan.chosen, 1);
      assert.deepEqual(result.multiples[0], {values: [0, 0.5, 1, -2]});
      assert.match(result.multiples[1].problem, /"a" is not a number/);
      assert.match(result.multiples[2].problem, /No number/);
      assert.match(result.multiples[3].problem, /at most 16/);
    });
  },

  'levels, words and pieces of tokens'({url}) {
    return inPage(url, async page => {
      const result = await page.evaluate(async () => {
        const {changeInWords, damageLevel, effectLevel, percent, perplexity, pieces} = await import('/heat.js');
        const cloud = [...new TextEncoder().encode('a🌧b')];
        const token = bytes => ({text: '', bytes});
        return {
          effect: [0.69, 0.7, -0.7, 2.4, -4.7].map(change => effectLevel(-5, -5 + change)),
          damage: [0.11, 0.09, 0.009, 0.00009].map(share => damageLevel(Math.log(share))),
          words: [changeInWords(-3, -3.01), changeInWords(-3, -3 + Math.log(12)), changeInWords(-3, -3 - Math.log(250)), changeInWords(-3, -3 - Math.log(123456)), changeInWords(-30, 0)],
          percents: [0, Math.log(0.9999), Math.log(0.123456), Math.log(0.00012), -30, -Infinity].map(percent),
          perplexity: perplexity([Math.log(0.25), Math.log(0.25)]),
          pieces: pieces({tokens: [token(cloud.slice(0, 2)), token(cloud.slice(2, 4)), token(cloud.slice(4)), token([255])], unsteered: [-1, -2, -3, -4], steered: [-1, -1, -1, -1]}),
        };
      });
      assert.deepEqual(result.effect, [0, 1, -1, 2, -3]);
      assert.deepEqual(result.damage, [0, 1, 2, 3]);
      assert.deepEqual(result.words, ['as likely as without steering', '12 times likelier through steering', '250 times rarer through steering', '123,000 times rarer through steering', 'over ten million times likelier through steering']);
      assert.deepEqual(result.percents, ['100 %', '> 99.9 %', '12.3 %', '0.012 %', '< 0.001 %', '< 0.001 %']);
      assert.ok(Math.abs(result.perplexity - 4) < 1e-12);
      assert.deepEqual(result.pieces, [
        {text: 'a', unsteered: -1, steered: -1}, {text: '🌧b', unsteered: -5, steered: -2}, {text: '\ufffd', unsteered: -4, steered: -1}]);
    });
  },
};
