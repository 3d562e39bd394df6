/**
 * Finds code that keeps state from one call of a function to the next.
 *
 * The embedded engine uses an isolate of the built-in functions for many calls,
 * so a module may change nothing that outlives a call: its own bindings, those
 * of other modules, and globals. `frozen.ts` finds
 * the changes that the source doesn't show, while the tests run.
 *
 * @module
 */
import ts from "typescript";

/** Methods of arrays, maps, sets, iterators, dates and typed arrays that change their object. */
const CHANGES =
  /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|add|delete|clear|next|set\w*|__define\w*)$/;

/** Methods that give a part of their object, which is then changed. */
const GIVES_PART = /^(get|at|find|findLast)$/;

/** Functions of `Object` and `Reflect` that change their first argument. */
const CHANGES_ARGUMENT =
  /^(assign|definePropert(y|ies)|setPrototypeOf|set|deleteProperty|freeze|seal|preventExtensions)$/;

export const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  strict: true,
  noEmit: true,
  types: [],
};

/** The places of these files that keep state, as `line: why`, by file. */
export function keptState(
  program: ts.Program,
  files: string[],
): Record<string, string[]> {
  const checker = program.getTypeChecker();
  const sources = files.map((file) => program.getSourceFile(file)!);
  const runsOnce = ranByLoading(checker, sources);
  return Object.fromEntries(
    sources.map((source, at) => [
      files[at],
      found(checker, source, runsOnce).map(
        ([node, why]) =>
          `${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${why}`,
      ),
    ]),
  );
}

type Place = [node: ts.Node, why: string];

function found(
  checker: ts.TypeChecker,
  source: ts.SourceFile,
  runsOnce: Set<ts.Node>,
): Place[] {
  const places: Place[] = [];

  /** Writing to a part of what an expression names. */
  function changes(expression: ts.Expression, node: ts.Node): void {
    for (const root of rootsOf(checker, expression)) {
      const why = whyKept(root, expression);
      if (why !== undefined) places.push([node, why]);
    }
  }

  /** Giving a variable or a property another value. */
  function assigns(target: ts.Node, node: ts.Node): void {
    if (ts.isArrayLiteralExpression(target)) {
      target.elements.forEach((element) => assigns(element, node));
    } else if (ts.isObjectLiteralExpression(target)) {
      for (const property of target.properties) {
        if (ts.isPropertyAssignment(property)) {
          assigns(property.initializer, node);
        } else if (ts.isShorthandPropertyAssignment(property)) {
          assigns(property.name, node);
        } else if (ts.isSpreadAssignment(property)) {
          assigns(property.expression, node);
        }
      }
    } else if (ts.isSpreadElement(target)) {
      assigns(target.expression, node);
    } else if (ts.isBinaryExpression(target)) {
      assigns(target.left, node); // with a default
    } else if (ts.isIdentifier(target)) {
      const why = whyKept(target, target);
      if (why !== undefined) places.push([node, why]);
    } else {
      changes(target as ts.Expression, node);
    }
  }

  /** Why a change of what an identifier or `this` names outlives the call. */
  function whyKept(
    root: ts.Node,
    expression: ts.Expression,
  ): string | undefined {
    if (root.kind === ts.SyntaxKind.ThisKeyword) {
      const within = functionAround(root, (node) => !ts.isArrowFunction(node));
      const isOfNew =
        within !== undefined && ts.isConstructorDeclaration(within);
      return isOfNew ? undefined : `changes ${expression.getText()}`;
    }
    const declaration = declarationOf(checker, root);
    const name = expression.getText();
    if (declaration === undefined || isOutside(declaration)) {
      return `changes ${name}, which is of no module here`;
    }
    if (isOfModule(declaration)) return `changes ${name}, which a module holds`;
    const around = functionAround(declaration);
    if (
      around !== undefined &&
      runsOnce.has(around) &&
      functionAround(root) !== around
    ) {
      return `changes ${name}, which a closure made by loading a module holds`;
    }
    return undefined;
  }

  function visit(node: ts.Node): void {
    if (ts.isVariableDeclarationList(node) && isOfModule(node)) {
      if (!(node.flags & ts.NodeFlags.Const)) {
        places.push([node, "a variable that a module holds"]);
      }
    } else if (
      ts.isBinaryExpression(node) &&
      node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
      node.operatorToken.kind <= ts.SyntaxKind.LastAssignment
    ) {
      assigns(node.left, node);
    } else if (
      (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
      (node.operator === ts.SyntaxKind.PlusPlusToken ||
        node.operator === ts.SyntaxKind.MinusMinusToken)
    ) {
      assigns(node.operand, node);
    } else if (ts.isDeleteExpression(node)) {
      assigns(node.expression, node);
    } else if (
      (ts.isForOfStatement(node) || ts.isForInStatement(node)) &&
      !ts.isVariableDeclarationList(node.initializer)
    ) {
      assigns(node.initializer, node);
    } else if (ts.isCallExpression(node)) {
      visitCall(node);
    } else if (
      ts.isNewExpression(node) &&
      node.expression.getText() === "Function"
    ) {
      places.push([node, "runs a text as code"]);
    }
    if (isStickyExpression(node) && isOfModule(node)) {
      places.push([node, "an expression with lastIndex that a module holds"]);
    }
    ts.forEachChild(node, visit);
  }

  function visitCall(node: ts.CallExpression): void {
    const callee = withoutTypes(node.expression);
    if (ts.isIdentifier(callee) && /^(eval|Function)$/.test(callee.text)) {
      places.push([node, "runs a text as code"]);
    }
    if (!ts.isPropertyAccessExpression(callee)) return;
    const { expression: object, name } = callee;
    const [first] = node.arguments;
    const method = withoutTypes(object);
    if (/^(Object|Reflect)$/.test(object.getText())) {
      if (CHANGES_ARGUMENT.test(name.text) && first) changes(first, node);
    } else if (/^(call|apply|bind)$/.test(name.text)) {
      if (
        ts.isPropertyAccessExpression(method) &&
        CHANGES.test(method.name.text) &&
        first
      ) {
        changes(first, node);
      }
    } else if (CHANGES.test(name.text) && !isFunctionOfOurs(name)) {
      changes(object, node);
    }
  }

  /** Functions of our modules are read themselves, such as `vectors.clear(…)`. */
  function isFunctionOfOurs(name: ts.Node): boolean {
    const declaration = declarationOf(checker, name);
    return (
      declaration !== undefined &&
      !isOutside(declaration) &&
      (ts.isFunctionDeclaration(declaration) ||
        ts.isMethodDeclaration(declaration))
    );
  }

  visit(source);
  return places;
}

/**
 * The functions that loading modules calls: those called outside of any
 * function, those given to such a call, and what they call in turn.
 */
function ranByLoading(
  checker: ts.TypeChecker,
  sources: ts.SourceFile[],
): Set<ts.Node> {
  const called = new Set<ts.Node>();
  function visit(node: ts.Node): void {
    if (ts.isFunctionLike(node) && !called.has(node)) return;
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      for (const given of [node.expression, ...(node.arguments ?? [])]) {
        const named = withoutTypes(given);
        const callee = ts.isFunctionLike(named)
          ? named
          : functionOf(declarationOf(checker, named));
        if (callee === undefined || called.has(callee)) continue;
        if (isOutside(callee)) continue;
        called.add(callee);
        visit(callee);
      }
    }
    ts.forEachChild(node, visit);
  }
  sources.forEach(visit);
  return called;
}

function functionOf(declaration: ts.Node | undefined): ts.Node | undefined {
  if (declaration === undefined) return undefined;
  if (ts.isVariableDeclaration(declaration)) {
    const value =
      declaration.initializer && withoutTypes(declaration.initializer);
    return value && ts.isFunctionLike(value) ? value : undefined;
  }
  if (ts.isClassDeclaration(declaration)) {
    return declaration.members.find(ts.isConstructorDeclaration);
  }
  return ts.isFunctionLike(declaration) ? declaration : undefined;
}

/**
 * The identifiers, or `this`, at the beginning of an expression's path, through
 * local names for it: in `const [first] = TABLES; first.name` it is `TABLES`.
 */
function rootsOf(checker: ts.TypeChecker, expression: ts.Node): ts.Node[] {
  const node = withoutTypes(expression);
  if (
    ts.isPropertyAccessExpression(node) ||
    ts.isElementAccessExpression(node)
  ) {
    return rootsOf(checker, node.expression);
  }
  if (ts.isCallExpression(node)) {
    const callee = withoutTypes(node.expression);
    const isPart =
      ts.isPropertyAccessExpression(callee) &&
      GIVES_PART.test(callee.name.text);
    return isPart ? rootsOf(checker, callee.expression) : [];
  }
  if (ts.isConditionalExpression(node)) {
    return [node.whenTrue, node.whenFalse].flatMap((part) =>
      rootsOf(checker, part),
    );
  }
  if (ts.isBinaryExpression(node)) {
    return [node.left, node.right].flatMap((part) => rootsOf(checker, part));
  }
  if (node.kind === ts.SyntaxKind.ThisKeyword) return [node];
  if (!ts.isIdentifier(node)) return [];
  let declaration: ts.Node | undefined = declarationOf(checker, node);
  if (declaration === undefined || isOfModule(declaration)) return [node];
  while (ts.isBindingElement(declaration)) {
    declaration = declaration.parent.parent;
  }
  if (!ts.isVariableDeclaration(declaration)) return [node];
  const loop = declaration.parent.parent;
  const origin = ts.isForOfStatement(loop)
    ? loop.expression
    : declaration.initializer;
  const roots = origin === undefined ? [] : rootsOf(checker, origin);
  return [node, ...roots];
}

function withoutTypes(node: ts.Node): ts.Node {
  while (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isTypeAssertionExpression(node) ||
    ts.isAwaitExpression(node)
  ) {
    node = node.expression;
  }
  return node;
}

function declarationOf(
  checker: ts.TypeChecker,
  node: ts.Node,
): ts.Declaration | undefined {
  const at = ts.isPropertyAccessExpression(node) ? node.name : node;
  let symbol =
    ts.isShorthandPropertyAssignment(at.parent) && at.parent.name === at
      ? checker.getShorthandAssignmentValueSymbol(at.parent)
      : checker.getSymbolAtLocation(at);
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) {
    symbol = checker.getAliasedSymbol(symbol);
  }
  return symbol?.valueDeclaration ?? symbol?.declarations?.[0];
}

/** Whether the declaration is a library's: a global's, a method's, an import's. */
function isOutside(declaration: ts.Node): boolean {
  return declaration.getSourceFile().isDeclarationFile;
}

function isOfModule(node: ts.Node): boolean {
  return functionAround(node) === undefined;
}

function functionAround(
  node: ts.Node,
  is: (node: ts.Node) => boolean = () => true,
): ts.Node | undefined {
  return ts.findAncestor(
    node.parent,
    (ancestor) => ts.isFunctionLike(ancestor) && is(ancestor),
  );
}

/** A regular expression that remembers where it stopped. */
function isStickyExpression(node: ts.Node): boolean {
  if (ts.isRegularExpressionLiteral(node)) {
    return /\/[a-z]*[gy][a-z]*$/.test(node.text);
  }
  return (
    (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
    node.expression.getText() === "RegExp" &&
    node.arguments?.[1] !== undefined
  );
}
