// Continues decisions that take longer than one request. Without scripts, the button does.
document.getElementById("hashing-identical").requestSubmit();
