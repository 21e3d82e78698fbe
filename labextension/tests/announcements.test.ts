import { signal } from '@preact/signals';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Question } from '../src/client/api';
import { Announcements } from '../src/model/announcements';
import { MemoryStorage, question } from './fake-server';

describe('Announcements', () => {
  const questions = signal<Question[]>([]);
  const inSight = signal<string[]>([]);
  const isFront = signal(true);
  const isWanted = signal(true);
  let storage: MemoryStorage;
  let announcements: Announcements;

  const another = () =>
    new Announcements({ questions, inSight, isFront, isWanted, storage });
  const announced = () => announcements.questions.value.map(({ id }) => id);

  beforeEach(() => {
    questions.value = [
      question({ id: 'q1', session_id: 'c1' }),
      question({ id: 'q2', session_id: 'c2' })
    ];
    inSight.value = [];
    isFront.value = true;
    isWanted.value = true;
    storage = new MemoryStorage();
    announcements = another();
  });

  it('are the questions of the conversations that are not in sight', () => {
    expect(announced()).toEqual(['q1', 'q2']);
    inSight.value = ['c1'];
    expect(announced()).toEqual(['q2']);
    questions.value = questions.value.slice(0, 1);
    expect(announced()).toEqual([]);
  });

  it('are made by the page in front alone, and only if wanted', () => {
    isFront.value = false;
    expect(announced()).toEqual([]);
    isFront.value = true;
    isWanted.value = false;
    expect(announced()).toEqual([]);
    isWanted.value = true;
    expect(announced()).toEqual(['q1', 'q2']);
  });

  it('are news once in all pages of the browser', () => {
    const [first, second] = questions.value as [Question, Question];
    expect(announcements.tell(first)).toBe(true);
    expect(announcements.tell(first)).toBe(false);
    expect(another().tell(first)).toBe(false);
    expect(another().tell(second)).toBe(true);
  });

  it('forget what was told of questions that are answered', () => {
    const [first, second] = questions.value as [Question, Question];
    announcements.tell(first);
    questions.value = [second];
    announcements.tell(second);
    expect(announcements.tell(first)).toBe(true);
  });
});
