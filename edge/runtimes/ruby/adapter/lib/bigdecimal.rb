# Decimal numbers in Ruby alone, in the place of the gem bigdecimal, which is machine code: an integer and a power of ten.
# Sums and products are exact; quotients and roots have as many digits as the gem gives at least. There is one zero only.
class BigDecimal < Numeric
  ROUND_MODE = 256
  ROUND_UP = 1
  ROUND_DOWN = ROUND_TRUNCATE = 2
  ROUND_HALF_UP = ROUND_DEFAULT = 3
  ROUND_HALF_DOWN = 4
  ROUND_CEILING = 5
  ROUND_FLOOR = 6
  ROUND_HALF_EVEN = ROUND_BANKER = 7
  EXCEPTION_ALL = 255
  EXCEPTION_NaN = 2
  EXCEPTION_INFINITY = 1
  SIGN_NaN = 0
  SIGN_POSITIVE_ZERO = 1
  SIGN_NEGATIVE_ZERO = -1
  SIGN_POSITIVE_FINITE = 2
  SIGN_NEGATIVE_FINITE = -2
  SIGN_POSITIVE_INFINITE = 3
  SIGN_NEGATIVE_INFINITE = -3
  BASE = 1_000_000_000
  VERSION = '0.0.0'

  MODES = {
    up: ROUND_UP, down: ROUND_DOWN, truncate: ROUND_DOWN, half_up: ROUND_HALF_UP, default: ROUND_HALF_UP,
    half_down: ROUND_HALF_DOWN, half_even: ROUND_HALF_EVEN, banker: ROUND_HALF_EVEN, ceiling: ROUND_CEILING,
    ceil: ROUND_CEILING, floor: ROUND_FLOOR
  }.freeze
  # Digits of a quotient beyond those of its operands.
  MORE_DIGITS = 20
  NUMBER = /\A\s*([+-]?)(\d[\d_]*)?(?:\.(\d[\d_]*)?)?(?:[eEdD]([+-]?\d+))?/
  private_constant :MODES, :MORE_DIGITS, :NUMBER

  class << self
    undef_method :new

    # The number that is `digits` times a power of ten, without zeros at its end.
    def make(digits, exponent, special = nil)
      while digits != 0 && (digits % 10).zero?
        digits /= 10
        exponent += 1
      end
      allocate.tap { |number| number.send(:set, digits, digits.zero? ? 0 : exponent, special) }
    end

    def parse(text, strict:)
      word = text.strip
      return make(0, 0, :nan) if word == 'NaN'
      return make(0, 0, word.start_with?('-') ? :negative : :positive) if word.match?(/\A[+-]?Infinity\z/)
      _, sign, whole, fraction, exponent = *NUMBER.match(text)
      valid = (whole || fraction) && $'.strip.empty? && !text.match?(/__|_(?!\d)/)
      raise ArgumentError, "invalid value for BigDecimal(): #{text.inspect}" if strict && !valid
      fraction = fraction.to_s.delete('_')
      digits = (whole.to_s.delete('_') + fraction).to_i
      make(sign == '-' ? -digits : digits, exponent.to_i - fraction.length)
    end

    # @param digits how many are kept of a number that has no end
    def from_rational(number, digits)
      return make(number.numerator, 0) if number.denominator == 1
      shift = digits + number.denominator.to_s.length - [number.numerator.abs.to_s.length, 1].max + 1
      shift = 0 if shift.negative?
      make((number * 10**shift).round, -shift).round_digits(digits)
    end

    def mode(which, value = nil)
      return 0 unless which == ROUND_MODE
      @mode = rounding(value) if value
      @mode || ROUND_HALF_UP
    end

    def rounding(mode)
      mode = mode[:half] ? :"half_#{mode[:half]}" : :half_up if mode.is_a?(Hash)
      mode.is_a?(Integer) ? mode : MODES.fetch(mode.to_s.downcase.to_sym) { raise ArgumentError, 'invalid rounding mode' }
    end

    def limit(*) = 0
    def double_fig = 16
    def save_rounding_mode = [@mode, yield].tap { |before, _| @mode = before }.last
    def save_exception_mode = yield
    def save_limit = yield
    def interpret_loosely(text) = parse(text, strict: false)
    def _load(text) = parse(text.sub(/\A\d+:/, ''), strict: false)
  end

  attr_reader :digits_, :exponent_, :special
  protected :digits_, :exponent_, :special

  def nan? = @special == :nan
  def infinite? = { positive: 1, negative: -1 }[@special]
  def finite? = @special.nil?
  def zero? = finite? && @digits_.zero?
  def nonzero? = zero? ? nil : self
  def negative? = @special == :negative || @digits_.negative?
  def positive? = @special == :positive || @digits_.positive?
  def integer? = false
  def real? = true
  def +@ = self
  def -@ = finite? ? make(-@digits_, @exponent_) : special_of(infinite? && -infinite?)
  def abs = negative? ? -self : self
  def to_d = self
  def dup = self
  def clone(**) = self

  def sign
    return SIGN_NaN if nan?
    return 3 * infinite? if infinite?
    zero? ? SIGN_POSITIVE_ZERO : 2 * (@digits_ <=> 0)
  end

  def exponent = zero? || !finite? ? 0 : @digits_.abs.to_s.length + @exponent_
  def scale = zero? || !finite? ? 0 : [-@exponent_, 0].max
  def n_significant_digits = zero? || !finite? ? 0 : @digits_.abs.to_s.length
  def precision = zero? || !finite? ? 0 : [n_significant_digits + [@exponent_, 0].max, scale].max
  def precision_scale = [precision, scale]
  def precs = [((n_significant_digits + 8) / 9) * 9, ((n_significant_digits + 8) / 9 + 2) * 9]

  def +(other) = calculate(:+, other) { |number| sum(number) }
  def -(other) = calculate(:-, other) { |number| sum(-number) }
  def *(other) = calculate(:*, other) { |number| product(number) }
  def /(other) = calculate(:/, other) { |number| quotient(number) }
  alias quo /

  def add(other, digits) = limited(self + other, digits)
  def sub(other, digits) = limited(self - other, digits)
  def mult(other, digits) = limited(self * other, digits)

  def div(other, digits = nil)
    return limited(calculate(:/, other) { |number| quotient(number, [digits, 1].max + 2) }, digits) if digits&.positive?
    return self / other if digits
    number = number_of(other)
    raise ZeroDivisionError, 'divided by 0' if number.zero?
    raise FloatDomainError, to_s unless finite?
    (to_r / number.to_r).floor
  end

  def %(other)
    calculate(:%, other) do |number|
      raise ZeroDivisionError, 'divided by 0' if number.zero?
      next special_of(nil) unless finite? && !number.nan?
      next self if number.infinite?
      self - number * (to_r / number.to_r).floor
    end
  end
  alias modulo %

  def divmod(other) = [make(div(other), 0), self % other]

  def remainder(other)
    number = number_of(other)
    self - number * (to_r / number.to_r).truncate
  end

  def **(other) = power(other)

  def power(other, digits = nil)
    return special_of(nil) if nan?
    return BigDecimal((to_f**other.to_f).to_s) unless other.to_r.denominator == 1
    result = other.negative? ? make(1, 0) / power(-other) : exact_power(other.to_i)
    digits ? limited(result, digits) : result
  end

  def sqrt(digits = 0)
    raise FloatDomainError, "sqrt of negative value" if negative?
    return self if zero? || !finite?
    wanted = [digits, n_significant_digits, 16].max + 2
    shift = 2 * wanted - (@exponent_.odd? ? 1 : 0)
    make(Integer.sqrt(@digits_ * 10**shift), (@exponent_ - shift) / 2)
  end

  def round_digits(count) = zero? || !finite? ? self : rounded(count - exponent, self.class.mode(ROUND_MODE))

  # Gives an integer unless places behind the point, or a mode, are asked for.
  def round(places = nil, mode = nil)
    places, mode = nil, places if places.is_a?(Hash)
    raise FloatDomainError, "Computation results in '#{self}'" if places.nil? && !finite?
    return self unless finite?
    number = rounded(places || 0, mode ? self.class.rounding(mode) : self.class.mode(ROUND_MODE))
    places.nil? || (mode.nil? && places < 1) ? number.to_i : number
  end

  def truncate(places = nil) = round_as(ROUND_DOWN, places)
  def fix = finite? ? rounded(0, ROUND_DOWN) : self
  def frac = finite? ? self - fix : self
  def floor(places = nil) = round_as(ROUND_FLOOR, places)
  def ceil(places = nil) = round_as(ROUND_CEILING, places)

  def to_i
    raise FloatDomainError, to_s unless finite?
    @exponent_.negative? ? to_r.truncate : @digits_ * 10**@exponent_
  end
  alias to_int to_i

  def to_r
    raise FloatDomainError, to_s unless finite?
    @exponent_.negative? ? Rational(@digits_, 10**-@exponent_) : Rational(@digits_ * 10**@exponent_)
  end

  def to_f
    return Float::NAN if nan?
    return infinite? * Float::INFINITY if infinite?
    "#{@digits_}e#{@exponent_}".to_f
  end

  def to_s(format = '')
    return 'NaN' if nan?
    return infinite?.positive? ? 'Infinity' : '-Infinity' if infinite?
    format = format.to_s
    sign = negative? ? '-' : format[/\A[ +]/].to_s
    text = @digits_.abs.to_s
    plain = format.match?(/F\z/i)
    whole, fraction = plain ? positional(text) : ['0', text]
    group = format[/\d+/].to_i
    whole, fraction = whole.scan(/.{1,#{group}}/).join(' '), fraction.scan(/.{1,#{group}}/).join(' ') if group.positive?
    return "#{sign}0.0" if zero?
    "#{sign}#{whole}.#{fraction}#{"e#{exponent}" unless plain}"
  end
  alias inspect to_s

  def to_digits = to_s('F')
  def split = [negative? ? -1 : 1, @digits_.abs.to_s, 10, exponent]
  def _dump(*) = "#{n_significant_digits}:#{self}"
  def hash = [@digits_, @exponent_, @special].hash

  def <=>(other)
    number = number_of(other, exact: true) or return
    return if nan? || number.nan?
    return (infinite? || 0) <=> (number.infinite? || 0) if infinite? || number.infinite?
    to_r <=> number.to_r
  end

  def ==(other) = (self <=> other) == 0
  alias === ==
  alias eql? ==

  %i[< <= > >=].each do |operator|
    define_method(operator) do |other|
      order = self <=> other
      next order.send(operator, 0) if order
      raise ArgumentError, "comparison of BigDecimal with #{other.inspect} failed" unless other.is_a?(Numeric)
      false
    end
  end

  def coerce(other) = [number_of(other), self]

  private

  def set(digits, exponent, special)
    @digits_, @exponent_, @special = digits, exponent, special
    freeze
  end

  def make(digits, exponent) = self.class.make(digits, exponent)
  def special_of(sign) = self.class.make(0, 0, { 1 => :positive, -1 => :negative }.fetch(sign, :nan))
  def limited(number, digits) = digits.positive? ? number.round_digits(digits) : number

  def number_of(other, exact: false)
    case other
    when BigDecimal then other
    when Integer then make(other, 0)
    when Float then BigDecimal(other, 0)
    when Rational then BigDecimal(other, [n_significant_digits, 18].max)
    else
      return if exact
      raise TypeError, "#{other.nil? ? 'nil' : other.class} can't be coerced into BigDecimal"
    end
  end

  def calculate(operator, other)
    return other.coerce(self).then { |one, two| one.send(operator, two) } unless other.is_a?(Numeric) || !other.respond_to?(:coerce)
    yield number_of(other)
  end

  def sum(number)
    return special_of(nil) if nan? || number.nan? || (infinite? && number.infinite? && infinite? != number.infinite?)
    return special_of(infinite? || number.infinite?) if infinite? || number.infinite?
    least = [@exponent_, number.exponent_].min
    make(@digits_ * 10**(@exponent_ - least) + number.digits_ * 10**(number.exponent_ - least), least)
  end

  def product(number)
    return make(@digits_ * number.digits_, @exponent_ + number.exponent_) if finite? && number.finite?
    special_of(nan? || number.nan? || zero? || number.zero? ? nil : (negative? ^ number.negative? ? -1 : 1))
  end

  def quotient(number, digits = nil)
    return special_of(nil) if nan? || number.nan? || (infinite? && number.infinite?)
    return special_of((infinite? || 0) * (number.negative? ? -1 : 1)) if infinite?
    return make(0, 0) if number.infinite?
    return special_of(@digits_ <=> 0) if number.zero?
    digits ||= [n_significant_digits, number.n_significant_digits].max + MORE_DIGITS
    self.class.from_rational(to_r / number.to_r, digits)
  end

  def exact_power(count)
    return special_of(count.even? ? 1 : infinite?) if infinite?
    make(@digits_**count, @exponent_ * count)
  end

  def round_as(mode, places)
    raise FloatDomainError, "Computation results in '#{self}'" if places.nil? && !finite?
    return self unless finite?
    number = rounded(places || 0, mode)
    places ? number : number.to_i
  end

  # To so many places behind the point.
  def rounded(places, mode)
    drop = -@exponent_ - places
    return self if drop <= 0
    unit = 10**drop
    whole, rest = @digits_.abs.divmod(unit)
    half = 2 * rest <=> unit
    up = case mode
         when ROUND_UP then rest.positive?
         when ROUND_DOWN then false
         when ROUND_HALF_UP then half >= 0
         when ROUND_HALF_DOWN then half.positive?
         when ROUND_HALF_EVEN then half.positive? || (half.zero? && whole.odd?)
         when ROUND_CEILING then rest.positive? && positive?
         when ROUND_FLOOR then rest.positive? && negative?
         end
    whole += 1 if up
    make(negative? ? -whole : whole, -places)
  end

  def positional(text)
    return [text + '0' * @exponent_, '0'] unless @exponent_.negative?
    text = text.rjust(1 - @exponent_, '0')
    [text[0...@exponent_], text[@exponent_..]]
  end
end

module Kernel
  def BigDecimal(value, digits = nil, exception: true)
    case value
    when BigDecimal then value
    when Integer then BigDecimal.make(value, 0).then { |number| digits.to_i.positive? ? number.round_digits(digits) : number }
    when Float
      raise ArgumentError, "can't omit precision for a Float." if digits.nil?
      return BigDecimal.parse(value.to_s, strict: true) if !value.finite? || digits.zero?
      BigDecimal.from_rational(value.to_r, digits)
    when Rational
      raise ArgumentError, "can't omit precision for a Rational." if digits.nil?
      BigDecimal.from_rational(value, digits)
    when String then BigDecimal.parse(value, strict: true).then { |number| digits.to_i.positive? ? number.round_digits(digits) : number }
    else
      return BigDecimal.parse(value.to_str, strict: true) if value.respond_to?(:to_str)
      raise TypeError, "can't convert #{value.nil? ? 'nil' : value.class} into BigDecimal"
    end
  rescue ArgumentError, TypeError
    raise if exception
  end
  module_function :BigDecimal
end

class BigDecimal
  INFINITY = make(0, 0, :positive)
  NAN = make(0, 0, :nan)
end
