// Everything a page may use.
export { BarChart } from "./chart.jsx";
export { StateBadge, Tag } from "./badge.jsx";
export { Button, CopyButton, IconButton, LinkButton } from "./button.jsx";
export { Card, Facts, PageHeader, Tile, Tiles } from "./card.jsx";
export { confirm, Dialog } from "./dialog.jsx";
export { CheckField, ChoiceField, Field, Form, SelectField, SliderField, TextArea, TextField } from "./form.jsx";
export { bytes, dateTime, duration, measure, number, percent, relative } from "./format.js";
export { Icon } from "./icons.jsx";
export { definePage, usePage, usePush, useQuery, useSend, useTrait } from "./page.jsx";
export { Meter, Progress } from "./progress.jsx";
export { api, call, download, ensureSession } from "./service.js";
export { EmptyState, ErrorState, Note, Skeleton } from "./states.jsx";
export { Pager, Search, Table } from "./table.jsx";
export { Tabs } from "./tabs.jsx";
export { Clock, Time, useNow } from "./time.jsx";
export { failed, toast } from "./toast.jsx";
export { Upload, uploadFile } from "./upload.jsx";
export { currentLanguage, N_, t } from "./words.js";
