import { expect, it } from 'vitest';
import { classesOf } from './classes.ts';

it('finds what a file declares', () => {
  const text = String.raw`<?php
namespace App\Models;

// class Commented {}
# class Also {}
/* class Blocked {} */
#[Attribute]
final class User extends Base { const X = 'class Quoted {}'; public $class = "class Double"; }
interface Named {}
trait Greets { function enum() { return Foo::class ; } }
enum Suit: string { case Hearts = 'H'; }
$anonymous = new class extends Base {};
$text = <<<TEXT
class Inside {}
TEXT;
$object->class = 1;
?>
class Outside {}
<?php
readonly class Last {}
`;
  expect(classesOf(text)).toEqual(['User', 'Named', 'Greets', 'Suit', 'Last'].map((name) => `App\\Models\\${name}`));
});

it('follows namespaces with braces, and files without one', () => {
  expect(classesOf('<?php namespace A { class One {} } namespace { class Two {} }')).toEqual(['A\\One', 'Two']);
  expect(classesOf('<?php class Plain {}')).toEqual(['Plain']);
  expect(classesOf('no PHP: class Nothing {}')).toEqual([]);
});
