sum = head:number tail:("+" number)* { return tail.reduce((total, [, next]) => total + next, head); }
number = digits:$[0-9]+ { return Number(digits); }
