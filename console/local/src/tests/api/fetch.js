// Prints the answer of an address and `x`.
fetch(process.argv[1] + "x")
  .then((answer) => answer.text())
  .then((text) => console.log(text));
