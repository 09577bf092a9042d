// Names for the answers of the API, taken from the types generated out of docs/openapi.json.

import type { components } from './types';

type Schemas = components['schemas'];
// `unreachable` is the page's own: the program did not answer at all.
export type ApiError = Pick<Schemas['Error'], 'field' | 'reason' | 'nearest'> & { kind?: Schemas['Error']['kind'] | 'unreachable'; column?: number; part?: string; index?: number };
export type Interval = Schemas['Interval'];
export type Plan = Schemas['Plan'];
export type Memory = Schemas['Memory'];
export type PlanRequest = Schemas['PlanRequest'];
export type Compare = Schemas['Compare'];
export type CompareRow = Compare['rows'][number];
export type Curve = Schemas['Curve'];
export type DeviceRow = Schemas['DeviceRow'];
export type ModelRow = Schemas['ModelRow'];
export type DeviceFacts = Schemas['DeviceFacts'];
export type ModelFacts = Schemas['ModelFacts'];
export type SourcedNumber = Schemas['SourcedNumber'];


export type Evaluation = Schemas['Evaluation'];
export type EvaluationRow = Evaluation['rows'][number];
export type PeerScore = Evaluation['peers'][number];
export type Measured = Schemas['Measured'];
export type Supported = Schemas['Supported'];
export type Job = Schemas['Job'];
export type About = Schemas['About'];
export type Shape = Schemas['Shape'];
export type Roofline = Schemas['Roofline'];
