// Follows the sign-in link that was opened. Programs that look at links run no scripts.
document.getElementById("enter").submit();
