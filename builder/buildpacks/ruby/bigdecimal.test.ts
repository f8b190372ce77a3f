/** What stands for the gem bigdecimal is compared with the gem itself, which Debian's Ruby brings. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const LIB = join(import.meta.dirname, '../../../edge/runtimes/ruby/adapter/lib');

const EXPRESSIONS = `
  numbers = %w[0 1 -1 0.1 -2.5 2.5 3.5 1234.5678 -0.000123 1e20 99.995 12345678901234567890.123456789].map { |text| BigDecimal(text) }
  numbers.each do |a|
    puts [a.to_s, a.to_s('F'), a.to_s('+5F'), a.to_i, a.to_f, a.to_r, a.exponent, a.sign, a.abs, a.frac, a.fix].join(' ')
    puts [a.n_significant_digits, a.scale, a.precision, a.zero?, a.inspect, a.split.inspect, a.to_d.equal?(a)].join(' ')
    puts [a.floor, a.ceil, a.round, a.truncate, a.floor(1), a.ceil(2), a.truncate(3), a.round(-1)].join(' ')
    %i[up down half_up half_down half_even ceiling floor].each { |mode| puts [0, 1, 2].map { |at| a.round(at, mode) }.join(' ') }
    numbers.each do |b|
      puts [a + b, a - b, a * b, a <=> b, a == b, a < b, a.hash == b.hash].join(' ')
      # The gem's own quotients of numbers that are far apart are not exact.
      next if b.zero? || a.abs > 1e10 || b.abs > 1e10 || b.abs < 1e-3
      puts [a.div(b), a % b, a.remainder(b), a.div(b, 5), (a / b).round(8), a.divmod(b).join(',')].join(' ')
    end
    puts [a + 1, 2 * a, a * 3r / 4, a == a.to_f, a ** 2, a ** 3, a.coerce(2).join(','), 10 - a, a > 1, 1.5 > a].join(' ')
    puts a.positive? ? a.sqrt(10).round(8) : '-'
    puts [a.add(1, 3), a.mult(3, 2), BigDecimal(a, 3), Marshal.load(Marshal.dump(a)) == a].join(' ')
  end
  puts ['1_000.5'.to_d, 'abc'.to_d, '12abc'.to_d, ' 3 '.to_d, nil.to_d, 0.1.to_d, 1.23456789.to_d(4), (1r / 3).to_d(5), 7.to_d].join(' ')
  puts BigDecimal('NaN').nan?, BigDecimal('-Infinity').infinite?, BigDecimal('Infinity') > 5, BigDecimal('1') / 3 > 0.33
  puts [-> { BigDecimal('x') }, -> { BigDecimal(nil) }, -> { BigDecimal('1') / 0 }, -> { BigDecimal('NaN').to_i }, -> { BigDecimal(1r / 3) }].map { |code|
    begin code.call; rescue StandardError => error; error.class end }.join(' ')
  puts BigDecimal('x', exception: false).inspect, { BigDecimal('1.0') => 1 }[BigDecimal('1')]
`;

const run = (...options: string[]) =>
  spawnSync('ruby', [...options, '-rbigdecimal', '-rbigdecimal/util', '-e', EXPRESSIONS], { encoding: 'utf8' });

describe.skipIf(spawnSync('ruby', ['-v']).status !== 0)('BigDecimal', () => {
  it('computes as the gem does', () => {
    const [own, gem] = [run('--disable-gems', '-I', LIB), run()];
    expect(gem.stderr).toBe('');
    expect(own.stderr).toBe('');
    expect(gem.stdout.split('\n').length).toBeGreaterThan(350);
    // Of the gem's two zeros there is one.
    const lines = gem.stdout.replaceAll(/-(?=0\.0\b)/g, '').split('\n');
    expect(own.stdout.split('\n')).toEqual(lines);
  });
});
