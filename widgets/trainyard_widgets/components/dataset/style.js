// The style sheet of the dataset pages.
import { adopt } from "../style.js";
import datasetStyle from "./dataset.css";

export const adoptDatasetStyle = () => adopt(datasetStyle);
