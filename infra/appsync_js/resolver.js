/**
 * The one piece of code of every resolver of the API. AppSync runs `request`, invokes the resolver function with the
 * payload, and runs `response` on what came back. The other side is app/appsync/invocation.py.
 *
 * An exception of the function would reach clients without errorInfo, so it answers with an envelope:
 *
 *   {data}                                                a value
 *   {data: null, error: {message, errorType, errorInfo}}  null, and an error with these
 *   {data: null, filter, ends}                            a subscription that may begin: what it hears, what ends it
 *   {..., ended: [{subscriptionField, payload}]}          a mutation that ends some
 *
 * A batch is answered with a list of them; AppSync runs `response` for each of its parents with its own.
 */
import { extensions, util } from '@aws-appsync/utils';

const ROOTS = ['Query', 'Mutation', 'Subscription'];

/** What lies below a root field is asked for in batches, which needs a maxBatchSize on the resolver. */
export function request(ctx) {
  return {
    operation: ROOTS.includes(ctx.info.parentTypeName) ? 'Invoke' : 'BatchInvoke',
    payload: {
      arguments: ctx.args,
      identity: ctx.identity,
      source: ctx.source,
      request: ctx.request,
      prev: ctx.prev,
      // These two are told only to those who name them.
      info: {
        ...ctx.info,
        selectionSetList: ctx.info.selectionSetList,
        selectionSetGraphQL: ctx.info.selectionSetGraphQL,
      },
      stash: ctx.stash,
    },
  };
}

export function response(ctx) {
  if (ctx.error || !ctx.result) {
    // The function ended without an answer: out of time or memory, throttled, or killed. What it did may stand.
    util.error('The request could not be answered.', 'DEPENDENCY_FAILED', null, { service: 'AWS Lambda', retryable: true });
  }
  const { data, error, filter, ends, ended } = ctx.result;
  for (const each of ended ?? []) {
    extensions.invalidateSubscriptions(each);
  }
  if (error) {
    util.error(error.message, error.errorType, data, error.errorInfo);
  }
  if (filter) {
    extensions.setSubscriptionFilter(filter);
  }
  if (ends) {
    extensions.setSubscriptionInvalidationFilter(ends);
  }
  return data;
}
