# Reads the param block and the comment-based help of a script file without running it, by PowerShell's own parser, and
# writes one JSON object to standard output: {error} or {synopsis, description, advanced, should_process, dynamic, parameters}.
param([string] $Path)
Set-StrictMode -Off

function Get-Literal($ast) {
    # The value of an expression that is one, as @(value); nothing when only running it could tell.
    if ($ast -is [System.Management.Automation.Language.MemberExpressionAst] -and $ast.Static -and
        $ast.Expression -is [System.Management.Automation.Language.TypeExpressionAst] -and
        $ast.Member -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
        $type = $ast.Expression.TypeName.GetReflectionType()
        if (($null -ne $type -and $type.IsEnum) -or $script:enums.ContainsKey($ast.Expression.TypeName.FullName)) { return , @($ast.Member.Value) }
        return $null
    }
    if ($ast.Find({ $args[0] -is [System.Management.Automation.Language.VariableExpressionAst] -and $args[0].VariablePath.UserPath -notin 'true', 'false', 'null' }, $true)) { return $null }
    try { return , @(, $ast.SafeGetValue()) } catch { return $null }
}

function ConvertTo-Plain($value) {
    # What JSON knows, as @(value); nothing for other values.
    if ($null -eq $value -or $value -is [string] -or $value -is [bool] -or $value -is [int] -or $value -is [long] -or $value -is [decimal]) { return , @(, $value) }
    if ($value -is [double]) { if ([double]::IsFinite($value)) { return , @($value) } else { return $null } }
    if ($value -is [char]) { return , @([string] $value) }
    if ($value -is [datetime]) { return , @($value.ToString('o')) }
    if ($value -is [System.Collections.IDictionary]) {
        $map = [ordered]@{}
        foreach ($key in $value.Keys) { $item = ConvertTo-Plain $value[$key]; if ($null -eq $item) { return $null }; $map["$key"] = $item[0] }
        return , @($map)
    }
    if ($value -is [System.Collections.IEnumerable]) {
        $list = [System.Collections.Generic.List[object]]::new()
        foreach ($one in $value) { $item = ConvertTo-Plain $one; if ($null -eq $item) { return $null }; $list.Add($item[0]) }
        return , @(, $list.ToArray())
    }
    return $null
}

function Get-Kind($name) {
    # {type, item, choices, minimum, maximum} of a type's name.
    if ($name -is [System.Management.Automation.Language.ArrayTypeName]) { return Get-ListKind $name.ElementType }
    if ($name -is [System.Management.Automation.Language.GenericTypeName]) {
        $outer = $name.TypeName.Name -replace '^System\.(Collections\.(Generic|ObjectModel)\.)?', '' -replace '`\d+$', ''
        if ($outer -eq 'Nullable') { $kind = Get-Kind $name.GenericArguments[0]; $kind.nullable = $true; return $kind }
        if ($name.GenericArguments.Count -eq 1) { return Get-ListKind $name.GenericArguments[0] }
        return @{ type = 'object' }
    }
    if ($script:enums.ContainsKey($name.FullName)) {
        $known = $script:enums[$name.FullName]
        if ($known.flags) { return @{ type = 'list'; item = 'string'; choices = $known.names } }
        return @{ type = 'string'; choices = $known.names }
    }
    $type = $name.GetReflectionType()
    if ($null -eq $type) { return @{ type = 'object'; unknown = $name.FullName } }
    if ($type.IsArray) { return Get-ListKind ([System.Management.Automation.Language.ReflectionTypeName]::new($type.GetElementType())) }
    $under = [Nullable]::GetUnderlyingType($type)
    if ($null -ne $under) { $kind = Get-Kind ([System.Management.Automation.Language.ReflectionTypeName]::new($under)); $kind.nullable = $true; return $kind }
    if ($type.IsEnum) {
        $names = @([Enum]::GetNames($type))
        if ($type.IsDefined([FlagsAttribute], $false)) { return @{ type = 'list'; item = 'string'; choices = $names } }
        return @{ type = 'string'; choices = $names }
    }
    switch ($type.FullName) {
        'System.Management.Automation.SwitchParameter' { return @{ type = 'switch' } }
        'System.Boolean' { return @{ type = 'boolean' } }
        { $_ -in 'System.Int16', 'System.Int32', 'System.Int64', 'System.SByte', 'System.Numerics.BigInteger' } { return @{ type = 'integer' } }
        'System.Byte' { return @{ type = 'integer'; minimum = 0; maximum = 255 } }
        'System.UInt16' { return @{ type = 'integer'; minimum = 0; maximum = 65535 } }
        { $_ -in 'System.UInt32', 'System.UInt64' } { return @{ type = 'integer'; minimum = 0 } }
        { $_ -in 'System.Single', 'System.Double', 'System.Decimal' } { return @{ type = 'number' } }
        { $_ -in 'System.DateTime', 'System.DateTimeOffset' } { return @{ type = 'datetime' } }
        'System.DateOnly' { return @{ type = 'date' } }
        { $_ -in 'System.IO.FileInfo', 'System.IO.FileSystemInfo', 'System.IO.DirectoryInfo' } { return @{ type = 'file' } }
        'System.Security.SecureString' { return @{ type = 'secret' } }
        'System.Management.Automation.PSCredential' { return @{ type = 'credential' } }
        { $_ -in 'System.Collections.Hashtable', 'System.Collections.Specialized.OrderedDictionary', 'System.Collections.IDictionary' } { return @{ type = 'object' } }
        { $_ -in 'System.Object', 'System.Management.Automation.PSObject', 'System.Management.Automation.PSCustomObject' } { return @{ type = 'string'; any = $true } }
        { $_ -in 'System.Array', 'System.Collections.ArrayList', 'System.Collections.IList', 'System.Collections.IEnumerable', 'System.Collections.ICollection' } { return @{ type = 'list'; item = 'string' } }
        default { return @{ type = 'string' } }
    }
}

function Get-ListKind($element) {
    $inner = Get-Kind $element
    # one of them makes an array of one; several come as CLIXML, or are asked for
    if ($inner.type -in 'secret', 'credential') { return $inner }
    if ($inner.type -eq 'list') { return @{ type = 'list'; item = 'object' } }
    return @{ type = 'list'; item = $inner.type; choices = $inner.choices; minimum = $inner.minimum; maximum = $inner.maximum }
}

function Get-Named($attribute, $name) {
    # The value of a named argument, or nothing.
    foreach ($argument in $attribute.NamedArguments) {
        if ($argument.ArgumentName -eq $name) {
            if ($argument.ExpressionOmitted) { return $true }
            $value = Get-Literal $argument.Argument
            if ($null -ne $value) { return $value[0] }
        }
    }
}

function Get-Positional($attribute) {
    # The values of the positional arguments; nothing when one is no literal.
    $values = [System.Collections.Generic.List[object]]::new()
    foreach ($argument in $attribute.PositionalArguments) {
        $value = Get-Literal $argument
        if ($null -eq $value) { return $null }
        $values.Add($value[0])
    }
    return , $values.ToArray()
}

function Test-Attribute($attribute, $name) {
    $said = $attribute.TypeName.FullName
    return $said -in $name, "${name}Attribute", "System.Management.Automation.$name", "System.Management.Automation.${name}Attribute", "System.ComponentModel.$name", "System.ComponentModel.${name}Attribute"
}

function Read-Parameter($parameter, $help) {
    $name = $parameter.Name.VariablePath.UserPath
    $row = [ordered]@{ name = $name; type = 'string'; item = 'string'; choices = $null; minimum = $null; maximum = $null; sets = @(); aliases = @(); help = ''; display = ''; hidden = $false }
    $constraint = @($parameter.Attributes | Where-Object { $_ -is [System.Management.Automation.Language.TypeConstraintAst] }) | Select-Object -Last 1
    $row.typed = $null -ne $constraint
    if ($constraint) {
        $kind = Get-Kind $constraint.TypeName
        foreach ($key in $kind.Keys) { $row[$key] = $kind[$key] }
        $row.type_name = $constraint.TypeName.FullName
    }
    foreach ($attribute in $parameter.Attributes) {
        if ($attribute -isnot [System.Management.Automation.Language.AttributeAst]) { continue }
        if (Test-Attribute $attribute 'Parameter') {
            $set = Get-Named $attribute 'ParameterSetName'
            $row.sets += @(@{ name = "$set"; mandatory = [bool] (Get-Named $attribute 'Mandatory') })
            $message = Get-Named $attribute 'HelpMessage'
            if ($message) { $row.help = "$message" }
            if (Get-Named $attribute 'DontShow') { $row.hidden = $true }
        } elseif (Test-Attribute $attribute 'Alias') {
            $values = Get-Positional $attribute
            if ($null -ne $values) { $row.aliases = @($values | ForEach-Object { "$_" }) }
        } elseif (Test-Attribute $attribute 'ValidateSet') {
            $values = Get-Positional $attribute
            if ($null -ne $values -and $values.Count) { $row.choices = @($values | ForEach-Object { "$_" }); $row.exact_case = (Get-Named $attribute 'IgnoreCase') -eq $false }
        } elseif (Test-Attribute $attribute 'ValidateRange') {
            $values = Get-Positional $attribute
            if ($null -ne $values -and $values.Count -eq 2) {
                foreach ($side in 0, 1) { if ($values[$side] -is [ValueType] -and $values[$side] -isnot [bool]) { $row[@('minimum', 'maximum')[$side]] = $values[$side] } }
            } elseif ($null -ne $values -and $values.Count -eq 1) { $row.range = "$($values[0])" }
        } elseif (Test-Attribute $attribute 'ValidatePattern') {
            $values = Get-Positional $attribute
            if ($null -ne $values -and $values.Count -eq 1 -and $attribute.NamedArguments.ArgumentName -notcontains 'Options') { $row.pattern = "$($values[0])" }
        } elseif (Test-Attribute $attribute 'DisplayName') {
            $values = Get-Positional $attribute
            if ($null -ne $values -and $values.Count) { $row.display = "$($values[0])" }
        }
    }
    if (-not $row.help -and $null -ne $help -and $null -ne $help.Parameters) {
        $text = $help.Parameters[$name.ToUpperInvariant()]
        if ($text) { $row.help = $text.Trim() }
    }
    if ($null -ne $parameter.DefaultValue) {
        $row.has_default = $true
        $value = Get-Literal $parameter.DefaultValue
        if ($null -ne $value) { $plain = ConvertTo-Plain $value[0]; if ($null -ne $plain) { $row.default = $plain[0] } }
    }
    return $row
}

$tokens = $errors = $null
$ast = [System.Management.Automation.Language.Parser]::ParseFile($Path, [ref] $tokens, [ref] $errors)
if ($errors.Count) {
    $result = @{ error = $errors[0].Message; line = $errors[0].Extent.StartLineNumber }
} else {
    $script:enums = @{}
    foreach ($definition in $ast.FindAll({ $args[0] -is [System.Management.Automation.Language.TypeDefinitionAst] -and $args[0].IsEnum }, $false)) {
        $script:enums[$definition.Name] = @{ names = @($definition.Members.Name); flags = [bool] @($definition.Attributes | Where-Object { $_.TypeName.Name -in 'Flags', 'FlagsAttribute', 'System.FlagsAttribute', 'System.Flags' }).Count }
    }
    $help = $ast.GetHelpContent()
    $block = $ast.ParamBlock
    $rows = @(foreach ($parameter in $block.Parameters) { Read-Parameter $parameter $help })
    $binding = @($block.Attributes | Where-Object { Test-Attribute $_ 'CmdletBinding' }) | Select-Object -First 1
    $result = [ordered]@{
        synopsis = "$($help.Synopsis)".Trim()
        description = "$($help.Description)".Trim()
        block = $null -ne $block
        advanced = $null -ne $binding -or [bool] @($rows | Where-Object { $_.sets.Count }).Count
        should_process = $null -ne $binding -and [bool] (Get-Named $binding 'SupportsShouldProcess')
        dynamic = $null -ne $ast.DynamicParamBlock
        parameters = $rows
    }
}
$bytes = [System.Text.UTF8Encoding]::new($false, $false).GetBytes((ConvertTo-Json -InputObject $result -Depth 8 -Compress))
$out = [Console]::OpenStandardOutput()
$out.Write($bytes, 0, $bytes.Length)
$out.Flush()
