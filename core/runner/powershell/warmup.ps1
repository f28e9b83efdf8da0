param([string]$Name = 'x', $Document, [securestring]$Word)
"text"
[pscustomobject]@{ Name = $Name; Number = 1; When = [datetime]::UnixEpoch }
[pscustomobject]@{ Name = 'y'; Number = 2; When = [datetime]::UnixEpoch }
Write-Host 'host' -ForegroundColor Green
Write-Warning 'warning' 3>$null
Write-Progress -Activity 'warm' -Completed
$null = Get-ChildItem -LiteralPath $PSScriptRoot | Select-Object Name, Length | Sort-Object Name | Where-Object Length -GT 0
