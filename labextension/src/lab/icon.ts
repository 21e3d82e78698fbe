import { LabIcon } from '@jupyterlab/ui-components';
import { HERMES } from '../ui/hermes';

export const hermesIcon = new LabIcon({
  name: 'hermes-jupyter:hermes',
  svgstr: HERMES
});
