import { Notification } from '@jupyterlab/apputils';
import { effect } from '@preact/signals';
import type { Question } from '../client/api';
import type { Trans } from '../client/page';
import type { Announcements } from '../model/announcements';

/**
 * Keeps a notification for each announced question, with a way to it, until
 * it is answered or seen. It pops up in one page of the browser; later ones
 * have it in their list alone.
 */
export function notifyOfQuestions(
  announcements: Announcements,
  { leadTo, trans }: { leadTo: (session: string) => void; trans: Trans }
): void {
  const notifications = new Map<string, string>();

  const notify = (question: Question): string =>
    Notification.info(textOf(question, trans), {
      autoClose: announcements.tell(question) ? false : 0,
      actions: [
        {
          label: trans.__('Show'),
          caption: trans.__('Show the question'),
          displayType: 'accent',
          callback: () => leadTo(question.session_id)
        }
      ]
    });

  effect(() => {
    const questions = announcements.questions.value;
    for (const [id, notification] of notifications) {
      if (!questions.some(question => question.id === id)) {
        notifications.delete(id);
        Notification.dismiss(notification);
      }
    }
    for (const question of questions) {
      if (!notifications.has(question.id)) {
        notifications.set(question.id, notify(question));
      }
    }
  });
}

function textOf(question: Question, trans: Trans): string {
  const { kind, questions, command, description } = question;
  switch (kind) {
    case 'clarify':
      return trans.__('Hermes asks: %1', questions[0]?.text ?? '');
    case 'approval':
      return trans.__('Hermes wants to run: %1', command || description || '');
    case 'sudo':
      return trans.__('Hermes asks for your password');
    case 'secret':
      return trans.__('Hermes asks for a secret');
  }
}
