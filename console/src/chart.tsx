// A drawing by ECharts, of which only what is used here is taken.
import { BarChart, FunnelChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';

echarts.use([BarChart, FunnelChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export type Drawing = Parameters<echarts.ECharts['setOption']>[0];

const INK = { color: '#16212b', fontFamily: 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif', fontSize: 12 };

/** A drawing, and what it shows in words for who does not see it. */
export const Chart = ({ of, label, height = 300 }: { of: Drawing; label: string; height?: number }) => {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!box.current) return undefined;
    const chart = echarts.init(box.current);
    const fit = new ResizeObserver(() => chart.resize());
    fit.observe(box.current);
    // Drawn on the canvas: a tip of HTML would carry styles that the policy does not let in.
    chart.setOption({ textStyle: INK, animationDuration: 300, color: ['#0a5c63', '#e0a526', '#6fb0b5', '#8a6bb1', '#b3261e'], ...(of as object), tooltip: { ...((of as { tooltip?: object }).tooltip ?? {}), renderMode: 'richText' } } as Drawing);
    return () => {
      fit.disconnect();
      chart.dispose();
    };
  }, [of]);
  return <div ref={box} className="chart" style={{ height }} role="img" aria-label={label} />;
};
