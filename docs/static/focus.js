// Code and tables that are wider than the window can be scrolled with the keys, too.
for (const box of document.querySelectorAll("pre, .table-wrapper, .cell_output")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}
