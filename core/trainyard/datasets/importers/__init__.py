"""Lists made of what people have: pictures below a prefix, and archives in the layouts of other tools."""
