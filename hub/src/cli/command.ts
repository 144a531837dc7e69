/**
 * Commands, and the library that reads the command line: sole importer of commander. What a command is made of is plain data;
 * here it becomes help, errors that name the flag or its variable, and calls with typed values.
 */
import { Command, CommanderError, Option } from 'commander'
import { type Flag, type Flags, type FlagValues, type Raw, UsageError } from './flags.ts'
import type { CliIo } from './io.ts'

export interface CommandSpec<F extends Flags> {
  readonly name: string
  readonly about: string
  /** `<name>` or `[name]`, and what it is. */
  readonly args?: readonly (readonly [spelled: string, about: string])[]
  readonly flags: F
  /** Below the flags in help. */
  readonly notes?: string
  run(io: CliIo, flags: FlagValues<F>, args: readonly string[]): Promise<void>
}

export interface Leaf extends Omit<CommandSpec<Flags>, 'run'> {
  /** Reads the flags, then runs. Throws UsageError. */
  start(io: CliIo, given: (flag: Flag<unknown>) => Raw | undefined, args: readonly string[]): Promise<void>
}

export interface Group {
  readonly name: string
  readonly about: string
  readonly commands: readonly Leaf[]
}

export function command<F extends Flags>(spec: CommandSpec<F>): Leaf
export function command(spec: CommandSpec<Flags>): Leaf {
  const { run, ...rest } = spec
  return {
    ...rest,
    start: (io, given, args) => {
      const values = Object.entries(spec.flags).map(([key, flag]) => [key, readFlag(flag, given(flag), io.env)])
      return run(io, Object.fromEntries(values), args)
    },
  }
}

const longName = (flag: Flag<unknown>): string => /--[a-z-]+/.exec(flag.spelled)?.[0] ?? flag.spelled

function readFlag(flag: Flag<unknown>, given: Raw | undefined, env: CliIo['env']): unknown {
  const fromEnv = given === undefined && flag.env !== undefined ? env[flag.env] || undefined : undefined
  try {
    return flag.read(given ?? fromEnv)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const orVariable = given === undefined && flag.env !== undefined ? ` (or ${flag.env})` : ''
    const where = fromEnv === undefined ? `${longName(flag)}${orVariable}` : `${flag.env}`
    throw new UsageError(`${where}: ${error.message}`, { cause: error })
  }
}

export interface ProgramSpec {
  readonly name: string
  readonly about: string
  readonly version: string
  readonly commands: readonly (Leaf | Group)[]
}

/** Runs one command line. Never throws for a wrong one: that is said, with exit code 2. */
export async function runProgram(spec: ProgramSpec, argv: readonly string[], io: CliIo): Promise<void> {
  const program = new Command(spec.name).description(spec.about).version(spec.version, '-V, --version', 'print the version')
  program.exitOverride().helpOption('-h, --help', 'say what there is').helpCommand('help [command]', 'say what a command does')
  program.showHelpAfterError(`See '${spec.name} --help'.`).configureOutput({
    writeOut: (text) => io.out(text.trimEnd()),
    writeErr: (text) => io.err(text.trimEnd()),
    getOutHelpWidth: () => Math.min(io.screen?.columns ?? 120, 120),
    getErrHelpWidth: () => Math.min(io.screen?.columns ?? 120, 120),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  })
  for (const each of spec.commands) {
    if (!('commands' in each)) attach(program, each, io)
    else {
      const group = program.command(each.name).description(each.about)
      group.showHelpAfterError(`See '${spec.name} ${each.name} --help'.`)
      for (const leaf of each.commands) attach(group, leaf, io)
    }
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    io.setExitCode(error.exitCode === 0 ? 0 : 2)
  }
}

function attach(parent: Command, leaf: Leaf, io: CliIo): void {
  const path = [...ancestors(parent), leaf.name].join(' ')
  const built = parent.command(leaf.name).description(leaf.about).showHelpAfterError(`See '${path} --help'.`)
  for (const [spelled, about] of leaf.args ?? []) built.argument(spelled, about)
  const options = new Map(Object.values(leaf.flags).map((flag) => [flag, optionOf(flag)]))
  for (const option of options.values()) built.addOption(option)
  if (leaf.notes !== undefined) built.addHelpText('after', `\n${leaf.notes}`)
  const given = (flag: Flag<unknown>) => asRaw(built.getOptionValue(options.get(flag)?.attributeName() ?? ''))
  built.action(async () => {
    try {
      await leaf.start(io, given, built.args)
    } catch (error) {
      if (error instanceof UsageError) built.error(`error: ${error.message}`, { exitCode: 2 })
      throw error
    }
  })
}

function optionOf(flag: Flag<unknown>): Option {
  const option = new Option(flag.spelled, describe(flag))
  if (option.required) option.negate = false // `--no-proxy LIST` is a flag with a value, not the opposite of `--proxy`
  return option
}

const ancestors = (of: Command): readonly string[] => (of.parent === null ? [of.name()] : [...ancestors(of.parent), of.name()])

function describe({ about, env, fallback }: Flag<unknown>): string {
  const facts = [...(fallback === undefined ? [] : [`default: ${fallback}`]), ...(env === undefined ? [] : [`env: ${env}`])]
  return facts.length === 0 ? about : `${about} (${facts.join(', ')})`
}

function asRaw(value: unknown): Raw | undefined {
  if (value === undefined || value === true || typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(String)
  throw new TypeError(`expected a text, a list or a switch from the command line, got ${typeof value}`)
}
