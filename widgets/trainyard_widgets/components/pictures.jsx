// Where other pages find the colours of classes.
export { colourOf } from "./dataset/marks.jsx";
