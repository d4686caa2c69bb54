// Tables as files the browser saves itself: CSV that spreadsheet programs open, in UTF-8.
const quoted = (value) => {
  const text = String(value ?? "");
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // a spreadsheet would compute it
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
};

// ``rows`` are objects; ``columns`` the names of their fields, which head the table.
export function saveTable(name, columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((cells) => cells.map(quoted).join(","));
  saveText(name, `\ufeff${lines.join("\r\n")}\r\n`, "text/csv;charset=utf-8");
}

export function saveText(name, text, type = "text/plain;charset=utf-8") {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
