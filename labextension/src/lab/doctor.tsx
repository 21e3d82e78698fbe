import { Dialog } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { render } from 'preact';
import type { Request } from '../client/calls';
import { DoctorModel } from '../model/doctor';
import { DoctorView } from '../ui/doctor';
import { HostContext, type Host } from '../ui/host';

/** The version of the page's half of this package; the build puts it in. */
declare const HERMES_VERSION: string;

/** Looks for what is wrong, in a dialog: Notebook 7 has no place for a tab. */
export async function showDoctor(request: Request, host: Host): Promise<void> {
  const { trans } = host;
  const doctor = new DoctorModel(request, trans, HERMES_VERSION);
  const dialog: Dialog<unknown> = new Dialog({
    title: trans.__('Check of Hermes'),
    body: new DoctorBody(doctor, {
      ...host,
      perform: hint => {
        // What it opens would be behind the dialog.
        dialog.reject();
        host.perform(hint);
      }
    }),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  void doctor.look();
  await dialog.launch();
}

class DoctorBody extends Widget {
  constructor(
    private readonly doctor: DoctorModel,
    private readonly host: Host
  ) {
    super();
  }

  protected override onAfterAttach(_message: Message): void {
    render(
      <HostContext.Provider value={this.host}>
        <DoctorView doctor={this.doctor} />
      </HostContext.Provider>,
      this.node
    );
  }

  protected override onBeforeDetach(_message: Message): void {
    render(null, this.node);
  }
}
