// One strategy; see the list of them.
export { StrategyPage as default } from './strategies';
