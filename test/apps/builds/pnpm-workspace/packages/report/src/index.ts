import { area } from '@example/shapes';
import ms from 'ms';

export const report = (): string => `an area of ${area(6, 7)}, for ${ms(90_000, { long: true })}`;
