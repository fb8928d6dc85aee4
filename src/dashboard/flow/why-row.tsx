import type { Gates } from "../answers";
import type { Visit } from "../page";
import { Remedies } from "../parts/remedies";
import { Sentence } from "../parts/time";

type Why = NonNullable<Gates["gates"][number]["why"]>;

interface WhyProps {
  visit: Visit;
  why: Why;
  /** Whose jobs; `*`: of all. */
  tenant?: string;
  /** Distinguishes its remedies from the same ones elsewhere on the page. */
  place: string;
}

interface WhyRowProps extends Omit<WhyProps, "place"> {
  id: string;
  /** Of the table, all of which it takes. */
  columns: number;
}

/** Why jobs wait, in a row below what holds them. */
export function WhyRow({ id, columns, ...about }: WhyRowProps) {
  return (
    <tr id={id} class="because">
      <td colSpan={columns} class="words">
        <WhyText {...about} place={id} />
      </td>
    </tr>
  );
}

/** The sentence, and what helps. Of all tenants the one it is about is named. */
export function WhyText({ visit, why, tenant = visit.tenant, place }: WhyProps) {
  return (
    <>
      {tenant !== visit.tenant && tenant !== "*" ? (
        <>
          <a href={`/t/${tenant}/flow`}>{tenant}</a>
          {": "}
        </>
      ) : null}
      <Sentence text={why.sentence} />{" "}
      {why.actions.length > 0 ? (
        <span class="remedies">
          <Remedies visit={visit} remedies={why.actions} tenant={tenant} place={place} />
        </span>
      ) : null}
    </>
  );
}
