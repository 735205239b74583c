"use strict";
// Draws the figures in the colours of the page, again whenever these change between light and dark.
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  // Without a mouse the buttons would always be there, and cover the end of the legend.
  const hovers = window.matchMedia("(hover: hover)").matches;
  const buttons = ["sendChartToCloud", "lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"];

  function draw() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    for (const [id, plot] of Object.entries(plots)) {
      const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
      const layout = {
        ...plot.layout,
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: "system-ui, sans-serif", size: 13, color: colour("--ink") },
        xaxis: { ...plot.layout.xaxis, ...axis },
        yaxis: { ...plot.layout.yaxis, ...axis },
        hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      };
      const drawn = { responsive: true, displaylogo: false, modeBarButtonsToRemove: buttons, displayModeBar: hovers && "hover" };
      window.Plotly.react(id, structuredClone(plot.data), layout, drawn);
    }
  }

  draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
