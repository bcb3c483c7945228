import { changesIn, type Happening } from '../../lib/events';
import { href } from '../../lib/place';
import { Spark } from '../../parts/spark';
import { StateMark, type State } from '../../parts/state';
import type { TileData } from './host';
import type { TileSpec } from './specs';

export interface TileProps {
  readonly spec: TileSpec;
  readonly data: TileData;
  readonly host: string;
  readonly state: State;
  readonly caption: string | undefined; // takes the place of the tile's own
  readonly wide: boolean;
  readonly changes: readonly Happening[]; // on this host
  readonly expr: string; // what a click opens in Explore
}

/** One thing about the host: figure, sparkline, a caption, three facts. */
export function Tile({ spec, data, host, state, caption, wide, changes, expr }: TileProps) {
  const f = spec.figure(data.answers);
  // The line ends in what is measured now.
  const spark = f && data.spark.length ? [...data.spark.slice(0, -1), f.value] : data.spark;
  const { span } = data;
  const marks = span ? changesIn(changes, span).map((e) => (e.start - span.from) / (span.to - span.from)) : [];
  return (
    <div class={`card tile ${wide ? 'wide' : ''}`} data-test={`tile-${spec.id}`}>
      <div class="tile-head">
        <h2>
          <a class="cover" href={href('explore', { expr })}>
            {spec.name}
          </a>{' '}
          <span class="quiet">{host}</span>
        </h2>
        <StateMark state={f ? state : 'nodata'} />
      </div>
      <div class="tile-body">
        <div class="figure">
          {f ? f.figure : ''} <span class="unit">{f?.unit}</span>
        </div>
        <div class="caption">{caption ?? f?.caption}</div>
        <Spark
          values={spark}
          label={spec.name}
          write={spec.write}
          marks={marks}
          {...(spec.ceiling !== undefined && wide ? { ceiling: spec.ceiling } : {})}
        />
      </div>
      <dl class="facts">
        {spec.facts(data.answers).map((fact) => (
          <div class="fact" key={fact.label}>
            <dt>{fact.label}</dt>
            <dd>{fact.text}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
