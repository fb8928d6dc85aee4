import type { Gates } from "../answers";
import type { Visit } from "../page";
import { Remedies } from "./remedies";
import { Sentence } from "./time";

type Why = NonNullable<Gates["gates"][number]["why"]>;

interface WhyProps {
  visit: Visit;
  why: Why;
  /** Tenant of the jobs; `*`: all tenants. */
  tenant?: string;
  /** Distinguishes its remedies from equal ones on the page. */
  place: string;
}

interface WhyRowProps extends Omit<WhyProps, "place"> {
  id: string;
  /** Number of the table's columns, over which the row extends. */
  columns: number;
}

/** A row with the reason why jobs wait, below the row of the queue or gate. */
export function WhyRow({ id, columns, ...about }: WhyRowProps) {
  return (
    <tr id={id} class="because">
      <td colSpan={columns} class="words">
        <WhyText {...about} place={id} />
      </td>
    </tr>
  );
}

/** The reason and its remedies; on a page of all tenants with the tenant's name. */
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
