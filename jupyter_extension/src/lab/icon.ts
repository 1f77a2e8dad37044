/** Aether's mark: steps of a graph in what somebody says. */

import { LabIcon } from "@jupyterlab/ui-components";

export const icon = new LabIcon({
  name: "aether_nb:aether",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4.500V17H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Zm0 2v10h16V5Z"/>
    <circle cx="7" cy="10" r="1.900"/>
    <circle cx="17" cy="10" r="1.900"/>
    <path d="M8 9.300h7v1.400H8Z"/>
  </g>
</svg>`,
});
