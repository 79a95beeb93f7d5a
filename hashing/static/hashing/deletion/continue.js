"use strict";

// Continues a deletion that is longer than one request. Without scripts, the button does.
document.getElementById("hashing-deletion").submit();
