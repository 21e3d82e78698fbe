import { disabled, isDisabled } from './disabled';
import { plugins } from './plugins';

export { IHermes, IHermesPanels, type HermesNotebooks } from './tokens';

export default isDisabled() ? [disabled] : plugins;
