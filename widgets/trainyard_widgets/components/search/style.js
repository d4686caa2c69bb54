// The style sheet of pages about searches, joined to the document once.
import { adopt } from "../style.js";
import text from "./search.css";

export const adoptSearchStyle = () => adopt(text);
